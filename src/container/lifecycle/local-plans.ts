/**
 * Plans of later commands on a container, written down when it is made: the front (nsenter/front) runs them without Bun.
 * They are the plans that Bun would compile. Where a command takes more than a plan, none is written down for it.
 */
import { stageId } from "../../../nsenter/embed.ts" with { type: "macro" };
import type { ContainerConfig } from "../../config/types.ts";
import { ID_MAX, LOCAL_MAGIC } from "../../plan/abi.ts";
import { layout } from "../../plan/layout.ts" with { type: "macro" };
import type { LocalPlan } from "../../plan/local.ts";
import type { Program } from "../../plan/program.ts";
import { check } from "../../sys/error.ts";
import { cstr, NR, syscall } from "../../sys/ffi.ts";
import { AT_FDCWD, writeFile } from "../../sys/fs.ts";
import { each } from "../../sys/lists.ts";
import { utf8 } from "../../sys/utf8.ts";
import type { ExecInfo } from "../state/exec-info.ts";
import { statePlan } from "../state/state.ts";
import { paths, type StoredState } from "../state/store.ts";
import type { Runtime } from "../types.ts";
import { deletePlan, deletesByMore } from "./delete.ts";
import { execGuard } from "./exec.ts";
import { execTemplate } from "./exec-template.ts";
import { killPlan } from "./kill.ts";
import { startPlan } from "./start.ts";

const at = layout("localHeader");
const HEADER_SIZE = layout("localHeader").sizeof;
const stateAt = layout("fileStamp");
const planAt = layout("localPlan");
const PLAN_SIZE = layout("localPlan").sizeof;
const partAt = layout("part");
/** Of struct statx: where inode, size and ctime are; and where they go to. 4 bytes each. */
const STAMP = [
  [0x20, at.state + stateAt.inode],
  [0x24, at.state + stateAt.inode + 4],
  [0x28, at.state + stateAt.size],
  [0x2c, at.state + stateAt.size + 4],
  [0x60, at.state + stateAt.seconds],
  [0x64, at.state + stateAt.seconds + 4],
  [0x68, at.state + stateAt.nanoseconds],
] as const;
const STATX_BASIC_STATS = 0x7ff;

/** A plan of the front's own process, or a template for a stage. */
type Cached = Program & Partial<Pick<LocalPlan, "once">>;

/** The bytes of the file, or null when there is room for no such id. */
export function localPlans(
  rt: Runtime,
  config: ContainerConfig,
  state: StoredState,
  info: ExecInfo,
): Uint8Array | null {
  if (state.id.length > ID_MAX) return null;
  const starts = state.hooks?.poststart === undefined;
  // The directory of resctrl is not known yet.
  const deletes = deletesByMore(state) === null && config.spec.linux?.intelRdt === undefined;
  const template = execTemplate(rt, config, state, info);
  return encode(state.id, [
    statePlan(rt, state),
    starts ? startPlan(state) : null,
    killPlan(state),
    deletes ? deletePlan(rt.root, state, false) : null,
    deletes ? deletePlan(rt.root, state, true) : null,
    template && execGuard(state),
    template,
  ]);
}

/** Writes the file, which is good as long as state.json is as it is now. Throws a SysError. */
export function saveLocalPlans(root: string, id: string, file: Uint8Array): void {
  const { state, plans } = paths(root, id);
  const status = new Uint32Array(64);
  check(syscall(NR.statx, AT_FDCWD, cstr(state), 0, STATX_BASIC_STATS, status), `stat ${state}`);
  const header = new Uint32Array(file.buffer, 0, HEADER_SIZE / 4);
  each(STAMP, ([from, to]) => {
    header[to / 4] = status[from / 4]!;
  });
  writeFile(plans, file, 0o600);
}

function encode(id: string, plans: readonly (Cached | null)[]): Uint8Array {
  let size = HEADER_SIZE;
  const header = new Uint32Array(HEADER_SIZE / 4);
  header[at.magic / 4] = LOCAL_MAGIC;
  header[at.stage / 4] = stageId();
  const offsets: number[] = [];
  each(plans, (plan, i) => {
    offsets.push(size);
    if (plan === null) return;
    const entry = at.plans + PLAN_SIZE * i;
    header[(entry + planAt.part + partAt.offset) / 4] = size;
    header[(entry + planAt.part + partAt.size) / 4] = plan.bytes.length;
    header[(entry + planAt.once) / 4] = plan.once ?? plan.count;
    size += (plan.bytes.length + 7) & ~7;
  });
  const file = new Uint8Array(size);
  file.set(new Uint8Array(header.buffer));
  file.set(utf8(id), at.id);
  each(plans, (plan, i) => {
    if (plan !== null) file.set(plan.bytes, offsets[i]);
  });
  return file;
}
