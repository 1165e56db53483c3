/** Options and results of the lifecycle operations, for the CLI and the TypeScript API. */

import type { CgroupManagerName } from "../cgroup/types.ts";
import type { ContainerConfig } from "../config/types.ts";
import type { ProcMode, UsernsMode } from "../modes.ts";
import type { Program } from "../plan/program.ts";
import type { LoadedSpec } from "../spec/index.ts";
import type { KeptOptions } from "./io/kept-log.ts";
import type { KeptStreams } from "./io/kept-streams.ts";
import type { LaterPlans } from "./lifecycle/local-plans.ts";
import type { StoredState } from "./state/store.ts";

/** Options of every command. */
export interface Runtime {
  /** State directory, absolute. */
  readonly root: string;
  readonly cgroupManager: CgroupManagerName;
  /** `--rootless`: force or forbid user-namespace-first; "auto" means when the caller is not root. */
  readonly rootless: boolean | "auto";
  /** Receives warnings: one line, lowercase, no full stop. */
  readonly warn: (message: string) => void;
  /** Receives what `--debug` prints: one line each. Absent without it. */
  readonly debug?: ((message: string) => void) | undefined;
  /** Receives the phases of an operation as they end, for `--timing` and `--debug`. */
  readonly mark?: ((phase: string) => void) | undefined;
  /** The program that uses this brun by the TypeScript API. */
  readonly client?: Client | undefined;
}

/** A program that has started brun, and hears from it by a socket. */
export interface Client {
  /** The container ends when the other end of this socket is closed; -1 if it shall go on. */
  readonly lifeline: number;
  /** Says that the program in the container runs, or waits for `start`. */
  readonly ready: () => void;
  /** Says the same just before this process becomes the program, and no longer ends with the client. */
  readonly becomes: () => void;
}

/** Options of create and run alike; names as runc's flags. */
export interface CreateOptions {
  readonly id: string;
  /** Bundle directory; absolute or relative to the current directory. */
  readonly bundle: string;
  /** Path of the config instead of `bundle`/config.json (crun's --config). */
  readonly config?: string | undefined;
  /** A config that has been read and checked already, instead of a file. */
  readonly loaded?: LoadedSpec | undefined;
  readonly pidFile?: string | undefined;
  readonly consoleSocket?: string | undefined;
  readonly pidfdSocket?: string | undefined;
  readonly noPivot: boolean;
  readonly noNewKeyring: boolean;
  readonly preserveFds: number;
  /** An init is process 1 of the container; undefined: as the annotation org.brun.init says. */
  readonly init?: boolean | undefined;
  /** The container is killed when brun, or the supervisor that takes its place, ends. */
  readonly dieWithParent?: boolean | undefined;
  /** Which ids a new user namespace gets when the config does not say; "auto" unless given. */
  readonly userns?: UsernsMode | undefined;
  /** The root's path has no symbolic links; opening it fails if it has one by then. */
  readonly realRoot?: true | undefined;
  /** Whether the container gets a new procfs; "auto" unless given. */
  readonly proc?: ProcMode | undefined;
}

/** How create and run differ. */
export interface LaunchMode {
  /** Block on exec.fifo until `start`. */
  readonly waitForStart: boolean;
  /** The terminal, if any, goes to the console socket; otherwise to brun. */
  readonly detached: boolean;
  /** The output is kept, by a supervisor in the background. */
  readonly kept?: KeptOptions | undefined;
  /** Called once the stage has all plans and is still at work: until it is ready brun would only wait. */
  readonly meanwhile?: ((compiled: Compiled) => void) | undefined;
}

/** A container whose plans have been compiled. */
export interface Compiled {
  readonly config: ContainerConfig;
  readonly state: StoredState;
  /** The plans of the stage, in their order. */
  readonly programs: readonly Program[];
  /** Compiles the plans of later commands; null where there are none. */
  readonly later: ((state: StoredState) => LaterPlans) | null;
}

/** Options of run. */
export interface RunOptions extends CreateOptions {
  readonly detach: boolean;
  /** Keep the state after the container has ended. */
  readonly keep: boolean;
  readonly noSubreaper: boolean;
  /** Milliseconds after which the container is killed, 0 for never; in the foreground alone. */
  readonly timeout?: number | undefined;
  /** If a signal to brun ends the program, brun dies of the same signal, instead of returning runc's exit code for it. */
  readonly raises?: boolean | undefined;
  /** Called when the program runs, before this process becomes its supervisor. */
  readonly started?: (() => void) | undefined;
  /** The output is kept: this process is in the background, and has these streams as its own. */
  readonly kept?: (KeptOptions & { readonly streams: KeptStreams }) | undefined;
  /** A process that cleans up on the host when the container has ended, however brun ends. */
  readonly keeper?: Keeper | undefined;
  /** The command that stands for the config of a container without a bundle, which decides with the inputs. */
  readonly command?: CachedCommand | undefined;
  /** Warnings that making the config has led to. */
  readonly notices?: readonly string[] | undefined;
  /** Wait for `start` before the program: a created container that has a supervisor, for the TypeScript API. */
  readonly awaitStart?: boolean | undefined;
}

/** A process beside a container that tidies up after it. */
export interface Keeper {
  /** Stays open as long as brun or its supervisor lives. The other end is closed when the clean-up is done. */
  readonly socket: number;
  /** Passes it the container's process, for whose end it waits first. */
  readonly watch: (pid: number, startTime: string) => void;
}

/** A command line whose plan may be kept. */
export interface CachedCommand {
  /** The words after `run` that decide: all, or those before the "--" of the program. */
  readonly words: readonly string[];
  /** The words after these: the program and its arguments, which may differ in the next run; null if they decide, too. */
  readonly program: readonly string[] | null;
  /** The current directory. It has a plan of its own if it has been asked for. */
  readonly directory: string;
  /** The program's working directory is the current one. */
  readonly passesDirectory: boolean;
  /** The id is made up, so the next run may have another one. */
  readonly anyId: boolean;
  /** The program's environment without what is just passed on; null where nothing is. */
  readonly fixedEnvironment: () => readonly string[] | null;
  /** stdin has been replaced by /dev/null. */
  readonly emptyStdin: boolean;
}

/** Options of exec; names as runc's flags. `process` or `args` says what to run. */
export interface ExecOptions {
  readonly id: string;
  /** Path of a process.json, which excludes `args` and the overrides below. */
  readonly process?: string | undefined;
  readonly args: readonly string[];
  readonly cwd?: string | undefined;
  readonly env: readonly string[];
  readonly tty: boolean;
  readonly user?: string | undefined;
  readonly additionalGids: readonly number[];
  readonly detach: boolean;
  readonly pidFile?: string | undefined;
  readonly consoleSocket?: string | undefined;
  readonly pidfdSocket?: string | undefined;
  readonly preserveFds: number;
  /** Undefined: as the container's own process. */
  readonly noNewPrivs?: boolean | undefined;
  readonly caps: readonly string[];
  readonly processLabel?: string | undefined;
  readonly apparmor?: string | undefined;
  /** Sub-cgroup(s) to join: "path" or "controller[,…]:path". */
  readonly cgroup: readonly string[];
  readonly ignorePaused: boolean;
}

/** OCI state (runtime-spec, runtime.md#state) with runc's additions, in runc's order of fields. */
export interface ContainerState {
  readonly ociVersion: string;
  readonly id: string;
  readonly pid: number;
  readonly status: Status;
  readonly bundle: string;
  readonly rootfs: string;
  /** RFC 3339 with nanoseconds, UTC. */
  readonly created: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** User name of the state directory's owner. */
  readonly owner: string;
}

/** Status of a container: OCI's four and runc's paused. */
export type Status = "creating" | "created" | "running" | "stopped" | "paused";
