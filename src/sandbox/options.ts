/** The options of `brun run --rootfs`, `--image` and `--host`. */

import type { ProcMode, UsernsMode } from "../modes.ts";
import type { NetClientOptions } from "../net/client.ts";

/** The root file system of the container. */
export type SandboxRoot =
  | {
      readonly kind: "rootfs";
      readonly path: string;
      /** The name of the image that the directory belongs to. */
      readonly image?: string | undefined;
      /** The digest of the image's manifest. */
      readonly manifest?: string;
      /** The path has no symbolic links (settle.ts). */
      readonly real?: true;
    }
  | { readonly kind: "host" };

/** `--network`. */
export const NETWORKS = ["none", "host", "pasta", "slirp4netns"] as const;
export type NetworkMode = (typeof NETWORKS)[number];

/** `--overlay`: auto means kernel, or fuse if that is not possible, or none. */
export const OVERLAYS = ["auto", "kernel", "fuse", "none"] as const;
export type OverlayMode = (typeof OVERLAYS)[number];

/** The flags as given. Without a flag a list is empty, and a string undefined. */
export interface SandboxOptions {
  readonly root: SandboxRoot;
  readonly id: string;
  /** The program and its arguments. If empty, a shell is started. */
  readonly args: readonly string[];
  /** The directory that keeps written files, instead of a tmpfs. settle.ts makes it absolute. */
  readonly upper: string | undefined;
  /** The name under which this directory is kept (src/changes/kept.ts). */
  readonly keep?: string | undefined;
  /** The implementation of copy on write. */
  readonly overlay: OverlayMode;
  /** Whether the program writes to the rootfs directory itself. */
  readonly writable: boolean;
  readonly readOnly: boolean;
  /** Paths of the host that stay writable with `--host`. */
  readonly rw: readonly string[];
  /** Whether files below them that make the host run code are writable, too. */
  readonly rwAll: boolean;
  /** Whether landlock(7) restricts the program, without namespaces. */
  readonly landlock: boolean;
  /** TCP ports to which the program may connect with --landlock. */
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
  /** The ids besides the caller's. */
  readonly userns: UsernsMode;
  /** Whether the container has its own procfs. */
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
  /** Additional groups, by name or gid. */
  readonly groupAdd: readonly string[];
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly securityOpt: readonly string[];
  /** Whether calls that need more than one id succeed without effect. */
  readonly fakeRoot: boolean;
  /** Whether the program may make containers. */
  readonly nesting: boolean;
  readonly hostname: string | undefined;
  readonly network: string | undefined;
  readonly publish: readonly string[];
  /** The report at the end. */
  readonly audit?:
    | {
        readonly format: "table" | "json";
        /** The file for the report; undefined: stderr. */
        readonly to?: string;
        /** The name of the written files that are kept for the report, or why they are not kept. */
        readonly kept: { readonly name: string; readonly temporary: boolean } | { readonly why: string };
      }
    | undefined;
  /** The file for the profile of the system calls that are made. settle.ts makes it absolute. */
  readonly seccompRecord: string | undefined;
  /** The only names that the program can reach: HOST[:PORT], `*.HOST`, `@FILE`. */
  readonly allowNet: readonly string[];
  /** Whether names may lead to addresses of private ranges. */
  readonly allowNetPrivate: boolean;
  /** The absolute path of the log of connections. */
  readonly netLog: string | undefined;
  /** Whether only TLS that asks for the dialled name is allowed. */
  readonly netSni: boolean;
  /** The socket to the program of the API, with --net-client. */
  readonly netClient: NetClientOptions | undefined;
  /** Paths of the host that `--host` hides in addition to secrets. */
  readonly hide: readonly string[];
  /** Whether the caller's secrets are shown. */
  readonly withSecrets: boolean;
  /** Whether process 1 is an init. */
  readonly init: boolean;
  /** The environment variables of an image, as NAME=value. */
  readonly imageEnv?: readonly string[];
  /** The working directory of an image's program. It is made if it is missing. */
  readonly imageWorkdir?: string | undefined;
  /** Directories of an image that are writable. */
  readonly imageVolumes?: readonly string[];
  /** The signal that asks the program to end, as a name or a number. */
  readonly stopSignal?: string | undefined;
}
