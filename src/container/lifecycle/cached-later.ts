/** Plans of later commands in the plan of a `run`, with holes for what each container has of its own. */
import { Hole, InputKind, Part } from "../../plan/file-abi.ts";
import type { Program } from "../../plan/program.ts";
import { utf8 } from "../../sys/utf8.ts";
import { statePlan } from "../state/state.ts";
import { paths, type StoredState } from "../state/store.ts";
import { hasName, withoutHoles } from "./cached-holes.ts";
import { type LaterPlans, OF_EXEC } from "./local-plans.ts";
import { FileBuilder } from "./plan-file.ts";

/** What each container has of its own. */
const OF_EACH: readonly Hole[] = [Hole.id, Hole.pid, Hole.startTime, Hole.directory, Hole.log, Hole.text];

/**
 * A file of plans that the front makes another one of for its container; null where what the container has of its own is in
 * them elsewhere than in holes. They are compiled for two containers to tell that.
 * @param open holes that the plans of the run have
 */
export function laterFile(
  root: string,
  state: StoredState,
  compile: (state: StoredState) => LaterPlans,
  open: readonly Hole[],
): Uint8Array | null {
  const file = new FileBuilder([state.id]);
  const kinds = [...OF_EACH, ...OF_EXEC, ...open];
  const plans = (made: StoredState): LaterPlans => [
    [Part.state, statePlan({ root }, made, false, true)],
    ...compile(made),
  ];
  const others = plans(another(state));
  for (const [i, [part, plan]] of plans(state).entries()) {
    if (plan === null) continue;
    if (!isSame(plan, others[i]![1], kinds)) return null;
    if (open.includes(Hole.id) && hasName(plan, state.id, kinds)) return null;
    file.program(part, plan, kinds);
  }
  const about = utf8(`${paths(root, state.id).state}\0`);
  return file.finish([{ kind: InputKind.stamp, detail: 1, about, answer: null }]);
}

/** Another container. Its id is as long, so that texts are in the same places. */
function another(state: StoredState): StoredState {
  const { id, pid, startTime, created } = state;
  const first = id.startsWith("x") ? "y" : "x";
  const time = `${Number(startTime) + 1}`;
  return { ...state, id: first + id.slice(1), pid: pid + 1, startTime: time, created: `${created}+` };
}

/** Whether nothing but holes differs. */
function isSame(a: Program, b: Program | null, kinds: readonly Hole[]): boolean {
  return b !== null && Buffer.compare(withoutHoles(a, kinds), withoutHoles(b, kinds)) === 0;
}
