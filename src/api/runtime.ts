/** Where containers are kept and which brun makes them: what every call of the TypeScript API takes. */
import { accessSync, constants, existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CgroupManagerName } from "../cgroup/types.ts";
import { BrunError } from "../errors.ts";

/** Options of every call; all are optional. */
export interface RuntimeOptions {
  /** State directory (`--root`); by default `$XDG_RUNTIME_DIR/brun`, for root `/run/brun`. */
  readonly root?: string | undefined;
  /** Who makes the cgroups (`--cgroup-manager`); by default "auto". */
  readonly cgroupManager?: CgroupManagerName | undefined;
  /** Whether to make a user namespace (`--rootless`); by default "auto": unless the caller is root. */
  readonly rootless?: boolean | "auto" | undefined;
  /** Path of the executable; by default `$BRUN`, otherwise the one of this package, otherwise the one in PATH. */
  readonly brun?: string | undefined;
  /** Is called with each warning, a line of text; without it warnings are dropped. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** Options of a call that waits for brun. */
export interface CallOptions {
  /** Aborts what brun does; the call throws an {@link AbortError}. */
  readonly signal?: AbortSignal | undefined;
}

/** From src/api, and from dist/index.js in the package. */
const BESIDE = ["../../dist/brun", "brun", "../bin/brun"];

/**
 * Path of the executable that the options stand for.
 * @throws BrunError ERR_NO_BRUN there is none
 */
export function executable(options: RuntimeOptions): string {
  const named = options.brun ?? process.env.BRUN;
  if (named !== undefined && named !== "") return named;
  const here = fileURLToPath(new URL(".", import.meta.url));
  for (const path of BESIDE) {
    if (existsSync(join(here, path))) return join(here, path);
  }
  for (const directory of (process.env.PATH ?? "").split(":")) {
    const path = join(directory, "brun");
    if (directory !== "" && isExecutable(path)) return path;
  }
  throw new BrunError("there is no brun to start: neither in this package nor in PATH", {
    code: "ERR_NO_BRUN",
    hint: "the option `brun` or the variable BRUN names the executable",
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** These options alone: others of a container, such as its streams, are not those of a further process. */
export function runtimeOnly(options: RuntimeOptions): RuntimeOptions {
  const { root, cgroupManager, rootless, brun, onWarning } = options;
  return { root, cgroupManager, rootless, brun, onWarning };
}

/** The global flags that the options stand for. */
export function globalFlags(options: RuntimeOptions): string[] {
  return [
    ...(options.root === undefined ? [] : ["--root", options.root]),
    ...(options.cgroupManager === undefined ? [] : ["--cgroup-manager", options.cgroupManager]),
    ...(options.rootless === undefined ? [] : [`--rootless=${options.rootless}`]),
  ];
}
