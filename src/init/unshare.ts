/** The program of `brun unshare`: a command of the host in a new user namespace and a new mount namespace. */
import type { ContainerConfig } from "../config/types.ts";
import { type Program, ProgramBuilder } from "../plan/program.ts";
import { type InitContext, initContext } from "./context.ts";
import {
  closeOthers,
  dieWithParent,
  environmentArray,
  execute,
  fileOf,
  findExecutable,
  searchPath,
  waitForStart,
} from "./exec.ts";
import { becomeRoot, enterNamespaces, mapIds } from "./namespaces.ts";
import { isolateMounts } from "./rootfs.ts";

/**
 * Compiles the program. Root, working directory, environment and terminal stay the caller's. The process is root
 * of the user namespace with all capabilities in it. Pure. Throws a RangeError on a NUL byte.
 * @param record keep the purpose of each operation
 */
export function unshareInit(config: ContainerConfig, record = false): Program {
  const b = new ProgramBuilder(record);
  const x: InitContext = initContext(config, b);
  const process = config.spec.process!;
  const env = process.env ?? [];
  const file = fileOf(x, process);
  const path = searchPath(x, env);
  enterNamespaces(x, null);
  mapIds(x);
  isolateMounts(x);
  becomeRoot(x);
  if (config.setgroups) b.sys("setgroups", [0, null]);
  closeOthers(x);
  findExecutable(x, file, path);
  dieWithParent(x);
  waitForStart(x);
  execute(x, file, path, process, environmentArray(x, env));
  return b.finish();
}
