/** Freezes and thaws all processes of a cgroup. */
import { BrunError } from "../errors.ts";
import { SysError } from "../sys/error.ts";
import { keyOf, readFileOf, tryWriteTo } from "./access.ts";
import { type CgroupPlan, directoryOf } from "./types.ts";

const TIMEOUT_MS = 10_000;

/** Whether the cgroup itself is frozen or freezing. A frozen cgroup above it does not count. */
export function isFrozen(plan: CgroupPlan): boolean {
  if (plan.version === 2) return readFileOf(plan.paths[""]!, "cgroup.freeze")?.trim() === "1";
  const directory = directoryOf(plan, "freezer");
  return directory !== undefined && readFileOf(directory, "freezer.self_freezing")?.trim() === "1";
}

/** Freezes every process of the container. Throws a BrunError or SysError, and leaves nothing frozen then. */
export function freeze(plan: CgroupPlan): void {
  if (plan.version === 2) freezeUnified(plan.paths[""]!);
  else freezeLegacy(freezerOf(plan));
}

/** Thaws the processes. Throws a SysError. */
export function thaw(plan: CgroupPlan): void {
  if (plan.version === 2) write(plan.paths[""]!, "cgroup.freeze", "0");
  else write(freezerOf(plan), "freezer.state", "THAWED");
}

function freezerOf(plan: CgroupPlan): string {
  const directory = directoryOf(plan, "freezer");
  if (directory !== undefined) return directory;
  throw new BrunError("the host has no freezer controller", { hint: "mount it below /sys/fs/cgroup" });
}

function write(directory: string, file: string, value: string): void {
  const result = tryWriteTo(directory, file, value);
  if (result < 0) throw new SysError(`write ${value} to ${directory}/${file}`, -result);
}

function freezeUnified(directory: string): void {
  write(directory, "cgroup.freeze", "1");
  for (const deadline = performance.now() + TIMEOUT_MS; ; Bun.sleepSync(1)) {
    if (keyOf(directory, "cgroup.events", "frozen") === "1") return;
    if (performance.now() > deadline) break;
  }
  tryWriteTo(directory, "cgroup.freeze", "0");
  throw new BrunError(`${directory} is not frozen after ${TIMEOUT_MS / 1000} s`);
}

/**
 * A v1 cgroup stays FREEZING while new processes appear. Thawing it now and then lets the freezer catch up (runc,
 * fs/freezer.go).
 */
function freezeLegacy(directory: string): void {
  for (let i = 1; i <= 1000; i++) {
    if (i % 50 === 0) {
      write(directory, "freezer.state", "THAWED");
      Bun.sleepSync(10);
    }
    write(directory, "freezer.state", "FROZEN");
    if (readFileOf(directory, "freezer.state")?.trim() === "FROZEN") return;
    if (i % 25 === 0) Bun.sleepSync(1);
  }
  tryWriteTo(directory, "freezer.state", "THAWED");
  throw new BrunError(`${directory} cannot be frozen: new processes keep appearing in it`);
}
