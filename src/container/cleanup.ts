/** What the supervisor does when a foreground container has ended, written down as a program. */
import { runHooksWarning } from "../init/hooks.ts";
import type { Hook } from "../spec/index.ts";
import { ANY, type Program, ProgramBuilder } from "../stage/program.ts";
import { AT_FDCWD, AT_REMOVEDIR } from "../sys/fs.ts";
import { stateForHooks } from "./hooks.ts";
import { paths, type StoredState } from "./store.ts";

/** Removes the container's state and runs its poststop hooks: `delete` without booting Bun again. */
export function cleanupProgram(root: string, state: StoredState): Program {
  const b = new ProgramBuilder();
  const p = paths(root, state.id);
  b.at("cleanup", `remove ${p.directory}`);
  for (const file of [p.state, p.exec, p.notify, p.filter])
    b.sys("unlinkat", [AT_FDCWD, b.str(file), 0], { handle: [ANY] });
  b.sys("unlinkat", [AT_FDCWD, b.str(p.directory), AT_REMOVEDIR], { handle: [ANY] });
  const { poststop } = (state.hooks ?? {}) as { poststop?: Hook[] };
  if (poststop !== undefined)
    runHooksWarning({ b }, poststop, "hooks.poststop", stateForHooks(state, "stopped"));
  return b.finish();
}
