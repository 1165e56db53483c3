/** What to run: this machine or a root filesystem with a program, a bundle, a config. */
import type * as v from "valibot";
import type { ImageEvent } from "../image/progress.ts";
import type { Spec } from "../spec/index.ts";
import { toJson } from "../spec/json.ts";
import type { SpecSchema } from "../spec/spec.ts";
import type { Creds } from "./images.ts";
import { call } from "./invoke.ts";
import type { NetworkListeners } from "./network.ts";
import { checkArgs, sandboxFlags, sourceOf } from "./options.ts";
import type { StdioOptions } from "./process.ts";
import type { CallOptions, RuntimeOptions } from "./runtime.ts";

/** config.json; fields that have a default may be left out. */
export type SpecInput = v.InferInput<typeof SpecSchema>;

/** A directory with a config.json. */
export interface FromBundle {
  readonly bundle: string;
  /** A small init is process 1, and the program its child (`--init`); by default false. */
  readonly init?: boolean | undefined;
}

/** A config as an object instead of a file. */
export interface FromSpec {
  readonly spec: SpecInput;
  /** Where relative paths in it start; by default the current directory. */
  readonly bundle?: string | undefined;
  /** A small init is process 1, and the program its child (`--init`); by default false. */
  readonly init?: boolean | undefined;
}

/**
 * The options that {@link FromRootfs}, {@link FromImage} and {@link FromHost} have in common. They are the flags of
 * `brun run --rootfs`, which docs/sandbox.md describes; `readOnly` is `--read-only`. The program has the default seccomp filter
 * and an init, as there.
 */
export interface SandboxOptions extends NetworkListeners {
  /** Who makes the copies on write; by default "auto". */
  readonly overlay?: "auto" | "kernel" | "fuse" | "none" | undefined;
  /** Mounts paths of the host: "[source:]path[:options]". */
  readonly volume?: string | readonly string[] | undefined;
  /** Mounts a tmpfs: "path[:options]". */
  readonly tmpfs?: string | readonly string[] | undefined;
  /** Mounts in podman's long form: "type=bind,src=…,dst=…,ro". */
  readonly mount?: string | readonly string[] | undefined;
  /** Makes devices of the host available: "path[:path]". */
  readonly device?: string | readonly string[] | undefined;
  /** The program's working directory. */
  readonly workdir?: string | undefined;
  /** Variables of the environment. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Files with lines NAME=value. */
  readonly envFile?: string | readonly string[] | undefined;
  /** Who runs the program: "user[:group]", names or ids. */
  readonly user?: string | number | undefined;
  /** Which ids are mapped besides the caller's; by default "auto". */
  readonly userns?: "auto" | "single" | "range" | "keep-id" | undefined;
  /** Whether the container gets a new procfs; by default "auto". */
  readonly proc?: "auto" | "mount" | "bind" | undefined;
  /** Makes a terminal, whose output comes by stdout; by default false. */
  readonly tty?: boolean | undefined;
  /** Limit of the memory: bytes, or "512m". */
  readonly memory?: string | number | undefined;
  /** Limit of the CPU time: 0.5 is half of one CPU. */
  readonly cpus?: string | number | undefined;
  /** Limit of processes and threads. */
  readonly pidsLimit?: number | undefined;
  /** Limit of memory and swap together; -1 for unlimited swap. */
  readonly memorySwap?: string | number | undefined;
  /** The CPUs that the program may use: "0-2,5". */
  readonly cpusetCpus?: string | number | undefined;
  /** -1000 to 1000; when memory is short, processes with higher numbers are killed first. */
  readonly oomScoreAdj?: number | undefined;
  /** Size of /dev/shm; by default "64m". */
  readonly shmSize?: string | number | undefined;
  /** Kernel settings of the container's namespaces: "net.ipv4.ip_forward=1". */
  readonly sysctl?: string | readonly string[] | undefined;
  /** Annotations of its config: "key=value". */
  readonly annotation?: string | readonly string[] | undefined;
  /** More groups of the program's user, by name or gid. */
  readonly groupAdd?: string | readonly string[] | undefined;
  /** With one id, chown, setuid, mknod of devices and the like pretend to succeed; by default false. */
  readonly fakeRoot?: boolean | undefined;
  /** Its umask, in octal: "077". */
  readonly umask?: string | undefined;
  /** The signal that `stop` sends first; by default "TERM". */
  readonly stopSignal?: string | undefined;
  /** Resource limits: "nofile=1024". */
  readonly ulimit?: string | readonly string[] | undefined;
  /** Capabilities to add, or "ALL". */
  readonly capAdd?: string | readonly string[] | undefined;
  /** Capabilities to drop, or "ALL". */
  readonly capDrop?: string | readonly string[] | undefined;
  /** "seccomp=FILE", "seccomp=unconfined", "no-new-privileges", "mask=PATH" and the like. */
  readonly securityOpt?: string | readonly string[] | undefined;
  /** Writes a seccomp profile of the system calls that the program makes to this file, for `securityOpt`. */
  readonly seccompRecord?: string | undefined;
  /** Lets the program make containers; by default false. */
  readonly allowNesting?: boolean | undefined;
  readonly hostname?: string | undefined;
  /** The network; by default "none" for a rootfs, "host" for the host. */
  readonly network?: "none" | "host" | "pasta" | "slirp4netns" | undefined;
  /** Publishes ports of the container on the host: "[[address:]port:]port[/udp]". */
  readonly publish?: string | readonly string[] | undefined;
  /** The only names that the program reaches: "example.org:443", "*.example.org", "@FILE"; an empty list allows none. */
  readonly allowNet?: string | readonly string[] | undefined;
  /** These names may lead to addresses of private ranges; by default false. */
  readonly allowNetPrivate?: boolean | undefined;
  /** File that gets a line of JSON for each connection and each refusal. */
  readonly netLog?: string | undefined;
  /** Allows only TLS that asks for the name of the connection; by default false. */
  readonly netSni?: boolean | undefined;
  /** Reports at the end what the program did, by {@link OwnContainer.audit}; by default false. */
  readonly audit?: boolean | undefined;
  /** A small init is process 1, and the program its child; by default true. */
  readonly init?: boolean | undefined;
}

/** What becomes of the program's writes; without any of these options they are thrown away at the end. */
export interface Changes {
  /** Keeps them in this directory. */
  readonly upper?: string | undefined;
  /** Keeps them by this name, for another run and for diff, apply and discard; not together with `upper`. */
  readonly keep?: string | undefined;
  /** The program can write only to /tmp, /run and volumes. */
  readonly readOnly?: boolean | undefined;
}

/** A root filesystem and a program: `brun run --rootfs`. */
export interface FromRootfs extends SandboxOptions, Changes {
  /** Program and arguments. */
  readonly args: readonly string[];
  /** Directory of the root filesystem, which stays unchanged. */
  readonly rootfs: string;
  /** The program writes to the directory itself; not together with `upper` and `readOnly`. */
  readonly writable?: boolean | undefined;
}

/** An image and a program: `brun run --image` (docs/images.md). */
export interface FromImage extends SandboxOptions, Changes {
  /** Name of the image: "debian:12", "oci:DIR". */
  readonly image: string;
  /** Program and arguments, or arguments of the image's entrypoint; by default the image's command. */
  readonly args?: readonly string[] | undefined;
  /** When a registry is asked; by default "missing". */
  readonly pull?: "missing" | "always" | "newer" | "never" | undefined;
  /** "os/arch"; by default that of this machine. */
  readonly platform?: string | undefined;
  /** Logins: auth.json of podman, config.json of docker. */
  readonly authfile?: string | undefined;
  /** The login for the registry of this image alone. It is not stored. */
  readonly creds?: Creds | undefined;
  /** Checks a registry's certificate; by default true. */
  readonly tlsVerify?: boolean | undefined;
  /** Is called with the progress of a pull. */
  readonly onProgress?: ((event: ImageEvent) => void) | undefined;
}

/** This machine and a program: `brun run --host`. */
export interface FromHost extends SandboxOptions, Changes {
  readonly host: true;
  /** Program and arguments. */
  readonly args: readonly string[];
  /** Real paths of the host that the program can write to. */
  readonly rw?: string | readonly string[] | undefined;
  /** The program can also write to files below them that run code on the host, such as .git/hooks; by default false. */
  readonly rwAll?: boolean | undefined;
  /** Paths to hide. */
  readonly hide?: string | readonly string[] | undefined;
  /** Keys, tokens and histories are not hidden; by default false. */
  readonly withSecrets?: boolean | undefined;
}

type Key = keyof FromBundle | keyof FromSpec | keyof FromRootfs | keyof FromImage | keyof FromHost;

/** T, and nothing that only others have. */
type Only<T> = T & { readonly [K in Exclude<Key, keyof T>]?: undefined };

type Off = false | undefined;

/** `upper`, `keep`, `readOnly` and `writable` exclude each other. */
type OneOfChanges =
  | { readonly keep?: undefined; readonly readOnly?: Off; readonly writable?: Off }
  | { readonly upper?: undefined; readonly readOnly?: Off; readonly writable?: Off }
  | { readonly upper?: undefined; readonly keep?: undefined; readonly writable?: Off }
  | { readonly upper?: undefined; readonly keep?: undefined; readonly readOnly?: Off };

/** Options that need `allowNet`. */
interface WithoutNames {
  readonly allowNet?: undefined;
  readonly allowNetPrivate?: Off;
  readonly netLog?: undefined;
  readonly netSni?: Off;
  readonly onNetwork?: undefined;
  readonly mayReach?: undefined;
}

/** A network without published ports, a network with them, or a list of names. */
type OneOfNetworks =
  | (WithoutNames & { readonly publish?: undefined })
  | (WithoutNames & { readonly network: "pasta" | "slirp4netns" })
  | {
      readonly allowNet: string | readonly string[];
      readonly network?: undefined;
      readonly publish?: undefined;
    };

/** `rwAll` needs `rw`. */
type OneOfWritables = { readonly rw: string | readonly string[] } | { readonly rwAll?: Off };

/** What to run: this machine, a root filesystem, an image, a config, or a bundle; one of them. */
export type ContainerSource = SandboxSource | Only<FromSpec> | Only<FromBundle>;

/** This machine, a root filesystem, or an image; one of them. */
export type SandboxSource =
  | (Only<FromHost> & OneOfChanges & OneOfNetworks & OneOfWritables)
  | (Only<FromRootfs> & OneOfChanges & OneOfNetworks)
  | (Only<FromImage> & OneOfChanges & OneOfNetworks);

/** Options of {@link run} and {@link create}. */
export type ContainerOptions = ContainerSource & ContainerSettings & StdioOptions;

/** Options that do not depend on where the config comes from. */
export interface ContainerSettings extends RuntimeOptions {
  /** Name of the container, unique under the state directory; by default brun makes one up. */
  readonly id?: string | undefined;
}

/** How a container is made: arguments of `run`, `explain` and the like, around the id. */
export interface Source {
  /** Flags, with `--` and the program behind the id where there is one. */
  readonly flags: readonly string[];
  readonly program: readonly string[];
  /** Whether the flags are those of a container without a bundle. */
  readonly sandbox: boolean;
  /** Text of the config if it is in no file. */
  readonly config?: string | undefined;
}

/** The arguments that the options stand for. Throws a BrunError ERR_USAGE. */
export function source(options: ContainerSource & ContainerSettings): Source {
  const kind = sourceOf(options);
  if (kind !== "spec" && kind !== "bundle") {
    const { args } = options;
    const given = args !== undefined || kind !== "image";
    if (given) checkArgs(args);
    const flags = [...sandboxFlags(options), ...(kind === "image" ? ["--quiet"] : [])];
    return { flags, program: given ? ["--", ...args!] : [], sandbox: true };
  }
  const init = options.init ? ["--init"] : [];
  const bundle = ["--bundle", options.bundle ?? ".", ...init];
  if (kind === "bundle") return { flags: bundle, program: [], sandbox: false };
  return {
    flags: [...bundle, "--config", "%config"],
    program: [],
    sandbox: false,
    config: toJson(options.spec as SpecInput),
  };
}

/**
 * The config that the options of a container without a bundle make, so that you can change it and give it to {@link run}
 * as `spec`.
 * @throws BrunError the error of `brun run --print-config`
 */
export async function specOf(options: SandboxSource & RuntimeOptions & CallOptions): Promise<Spec> {
  const { flags, program } = source(options);
  return JSON.parse(await call(options, ["run", "--print-config", ...flags, ...program]));
}
