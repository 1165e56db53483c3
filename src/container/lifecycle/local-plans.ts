/**
 * Plans of later commands on a container, written when it is made: the front (nsenter/front) runs them without Bun. They are
 * the plans that Bun would compile. For a command that needs more than a plan, none is written.
 */
import type { ContainerConfig } from "../../config/types.ts";
import { stampNow } from "../../host/ask.ts";
import { Hole, InputKind, Part } from "../../plan/file-abi.ts";
import type { Program } from "../../plan/program.ts";
import { writeFile } from "../../sys/fs.ts";
import { each } from "../../sys/lists.ts";
import { utf8 } from "../../sys/utf8.ts";
import type { ExecInfo } from "../state/exec-info.ts";
import { statePlan } from "../state/state.ts";
import { paths, type StoredState } from "../state/store.ts";
import type { Runtime } from "../types.ts";
import { deletePlan, deletesByMore } from "./delete.ts";
import { execGuard } from "./exec.ts";
import { execTemplate, templateProcesses } from "./exec-template.ts";
import { killPlan } from "./kill.ts";
import { FileBuilder } from "./plan-file.ts";
import { startPlan } from "./start.ts";

/** What `exec` fills in. */
export const OF_EXEC: readonly Hole[] = [
  ...[Hole.argument, Hole.cwd, Hole.path, Hole.home, Hole.environment],
  ...[Hole.uid, Hole.gid],
];

/** Plans by the part of the file that they are in, in its order. */
export type LaterPlans = readonly (readonly [part: Part, plan: Program | null])[];

/** All except that of `state`, whose text differs for each container. */
export function laterPlans(
  rt: Runtime,
  config: ContainerConfig,
  state: StoredState,
  info: ExecInfo,
): LaterPlans {
  // The directory of resctrl is not known yet.
  const deletes = deletesByMore(state) === null && config.spec.linux?.intelRdt === undefined;
  const template = execTemplate(rt, config, state, info);
  return [
    [Part.start, state.hooks?.poststart === undefined ? startPlan(state) : null],
    [Part.kill, killPlan(state)],
    [Part.delete, deletes ? deletePlan(rt.root, state, false) : null],
    [Part.forcedDelete, deletes ? deletePlan(rt.root, state, true) : null],
    [Part.execGuard, template && execGuard(state)],
    [Part.exec, template?.[0] ?? null],
    [Part.execTerminal, template?.[1] ?? null],
  ];
}

/** The file, which is finished when there is a state.json. */
export function localPlans(rt: Runtime, state: StoredState, later: LaterPlans, info: ExecInfo): FileBuilder {
  const file = new FileBuilder([state.id]);
  file.program(Part.state, statePlan(rt, state));
  each(later, ([part, plan]) => {
    if (plan !== null) file.program(part, plan, OF_EXEC);
  });
  file.texts(Part.process, templateProcesses(info));
  return file;
}

/** Writes the file, which is good as long as state.json is as it is now. Throws a SysError. */
export function saveLocalPlans(root: string, id: string, file: FileBuilder): void {
  const { state, plans } = paths(root, id);
  const about = utf8(`${state}\0`);
  const guard = [{ kind: InputKind.stamp, detail: 1, about, answer: stampNow(state, true) }];
  writeFile(plans, file.finish(guard), 0o600);
}
