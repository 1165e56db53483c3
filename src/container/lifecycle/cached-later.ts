/** Plans of later commands in the plan of a `run`, with holes for what each container has of its own. */
import { AS_NUMBER, Hole, InputKind } from "../../plan/file-abi.ts";
import type { Program } from "../../plan/program.ts";
import { utf8 } from "../../sys/utf8.ts";
import { paths, type StoredState } from "../state/store.ts";
import { hasName } from "./cached-holes.ts";
import { type LaterPlans, OF_EXEC } from "./local-plans.ts";
import { FileBuilder } from "./plan-file.ts";

const OF_PROCESS: readonly Hole[] = [Hole.pid, Hole.startTime];

/**
 * A file of plans that the front makes another one of for its container; null where the container's process or name is in
 * them elsewhere than in holes. A plan is compiled for two processes to tell that.
 * @param open holes that the plans of the run have
 */
export function laterFile(
  root: string,
  state: StoredState,
  compile: (state: StoredState) => LaterPlans,
  open: readonly Hole[],
): Uint8Array | null {
  const file = new FileBuilder([state.id]);
  const kinds = [...OF_PROCESS, Hole.directory, Hole.log, ...OF_EXEC, ...open];
  const other = { ...state, pid: state.pid + 1, startTime: `${Number(state.startTime) + 1}` };
  const others = compile(other);
  for (const [i, [part, plan]] of compile(state).entries()) {
    if (plan === null) continue;
    if (!isSame(plan, others[i]![1])) return null;
    if (open.includes(Hole.id) && hasName(plan, state.id, kinds)) return null;
    file.program(part, plan, kinds);
  }
  const about = utf8(`${paths(root, state.id).state}\0`);
  return file.finish([{ kind: InputKind.stamp, detail: 1, about, answer: null }]);
}

/** Whether nothing but numbers that are holes differs. */
function isSame(a: Program, b: Program | null): boolean {
  return b !== null && Buffer.compare(withoutNumbers(a), withoutNumbers(b)) === 0;
}

function withoutNumbers({ bytes, holes }: Program): Uint8Array {
  const rest = bytes.slice();
  for (const { index, at } of holes) if (index === AS_NUMBER) rest.fill(0, at, at + 8);
  return rest;
}
