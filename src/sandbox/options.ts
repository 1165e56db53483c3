/** What `brun run --rootfs`, `--image` and `--host` are asked for. */

import type { ProcMode, UsernsMode } from "../modes.ts";

/** What the container's root is made of. */
export type SandboxRoot =
  | {
      readonly kind: "rootfs";
      readonly path: string;
      /** Name of the image that the directory is of. */
      readonly image?: string | undefined;
      /** The path has no symbolic links (settle.ts). */
      readonly real?: true;
    }
  | { readonly kind: "host" };

/** `--network`. */
export const NETWORKS = ["none", "host", "pasta", "slirp4netns"] as const;
export type NetworkMode = (typeof NETWORKS)[number];

/** `--overlay`: auto is the kernel, else fuse-overlayfs, else none. */
export const OVERLAYS = ["auto", "kernel", "fuse", "none"] as const;
export type OverlayMode = (typeof OVERLAYS)[number];

/** The flags, as they were given. Lists are empty and strings undefined when they were not. */
export interface SandboxOptions {
  readonly root: SandboxRoot;
  readonly id: string;
  /** The program and its arguments; a shell when there are none. */
  readonly args: readonly string[];
  /** Directory that keeps what is written, instead of a tmpfs; absolute when brun looks at it (settle.ts). */
  readonly upper: string | undefined;
  /** The name by which that directory is kept (src/changes/kept.ts). */
  readonly keep?: string | undefined;
  /** Who makes the copies on write. */
  readonly overlay: OverlayMode;
  /** Write to the rootfs directory itself. */
  readonly writable: boolean;
  readonly readOnly: boolean;
  /** Paths of the host that `--host` leaves writable. */
  readonly rw: readonly string[];
  /** What is below them and runs code on the host is writable, too. */
  readonly rwAll: boolean;
  /** By landlock(7), without namespaces. */
  readonly landlock: boolean;
  /** TCP ports that may be connected to then. */
  readonly connectPort: readonly string[];
  readonly volume: readonly string[];
  readonly tmpfs: readonly string[];
  readonly mount: readonly string[];
  readonly device: readonly string[];
  readonly ulimit: readonly string[];
  readonly workdir: string | undefined;
  readonly env: readonly string[];
  readonly envFile: readonly string[];
  readonly user: string | undefined;
  /** Which ids there are besides the caller's. */
  readonly userns: UsernsMode;
  /** Whether there is a procfs of its own. */
  readonly proc: ProcMode;
  readonly terminal: boolean;
  readonly memory: string | undefined;
  readonly cpus: string | undefined;
  readonly pidsLimit: string | undefined;
  readonly memorySwap: string | undefined;
  readonly cpusetCpus: string | undefined;
  readonly oomScoreAdj: string | undefined;
  readonly umask: string | undefined;
  readonly shmSize: string | undefined;
  readonly sysctl: readonly string[];
  readonly annotation: readonly string[];
  /** Further groups, by name or gid. */
  readonly groupAdd: readonly string[];
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly securityOpt: readonly string[];
  /** Root of one id is told that what takes more ids is done. */
  readonly fakeRoot: boolean;
  /** The program may make containers. */
  readonly nesting: boolean;
  readonly hostname: string | undefined;
  readonly network: string | undefined;
  readonly publish: readonly string[];
  /** What was done is told at the end. */
  readonly audit?:
    | {
        readonly format: "table" | "json";
        /** Path of a file that it is written to; stderr. */
        readonly to?: string;
        /** By which name what is written is kept meanwhile, or why it is not. */
        readonly kept: { readonly name: string; readonly temporary: boolean } | { readonly why: string };
      }
    | undefined;
  /** File for the profile of the system calls that are made; absolute when brun looks at it (settle.ts). */
  readonly seccompRecord: string | undefined;
  /** Names that are reached, and nothing else: HOST[:PORT], `*.HOST`, `@FILE`. */
  readonly allowNet: readonly string[];
  /** They may lead to addresses of private ranges. */
  readonly allowNetPrivate: boolean;
  /** File that is told of each connection; absolute. */
  readonly netLog: string | undefined;
  /** TLS has to ask for the name that is connected to, and nothing else is spoken. */
  readonly netSni: boolean;
  /** Descriptor of a socket to a program that hears of each connection, and may be asked for names. */
  readonly netClient: { readonly fd: number; readonly asks: boolean } | undefined;
  /** Paths of the host that `--host` hides besides secrets. */
  readonly hide: readonly string[];
  /** Leave the caller's secrets where they are. */
  readonly withSecrets: boolean;
  /** An init is process 1. */
  readonly init: boolean;
  /** NAME=value of an image. */
  readonly imageEnv?: readonly string[];
  /** Where an image's program starts; made where it is missing. */
  readonly imageWorkdir?: string | undefined;
  /** Directories of an image that can be written to. */
  readonly imageVolumes?: readonly string[];
  /** The signal that asks the program to end: a name or a number. */
  readonly stopSignal?: string | undefined;
}
