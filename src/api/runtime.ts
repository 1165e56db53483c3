/** Where containers are kept and which brun makes them: what every call of the TypeScript API takes. */
import { existsSync } from "node:fs";
import type { CgroupManagerName } from "../container/types.ts";
import { BrunError } from "../errors.ts";

/** Options that hold for every call; all may be left out. */
export interface RuntimeOptions {
  /** State directory (`--root`); `$XDG_RUNTIME_DIR/brun`, for root `/run/brun`. */
  readonly root?: string | undefined;
  /** Who makes the cgroups (`--cgroup-manager`); "auto". */
  readonly cgroupManager?: CgroupManagerName | undefined;
  /** Use a user namespace of one's own (`--rootless`); "auto" means unless the caller is root. */
  readonly rootless?: boolean | "auto" | undefined;
  /** Path of the executable; the one of this package, else the one in PATH. */
  readonly brun?: string | undefined;
  /** Receives warnings, one line each; without it they are dropped. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** From src/api, and from dist/index.js in the package. */
const BESIDE = ["../../dist/brun", "brun", "../bin/brun"];

/**
 * Path of the executable that the options stand for.
 * @throws BrunError ERR_NO_BRUN there is none
 */
export function executable(options: RuntimeOptions): string {
  if (options.brun !== undefined) return options.brun;
  for (const path of BESIDE) {
    if (existsSync(`${import.meta.dir}/${path}`)) return `${import.meta.dir}/${path}`;
  }
  const path = Bun.which("brun");
  if (path !== null) return path;
  throw new BrunError("there is no brun to start", {
    code: "ERR_NO_BRUN",
    hint: "npm run build makes dist/brun; the option `brun` names one elsewhere",
  });
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
