/**
 * The plans of `list`, kept for the front (nsenter/front/list.c), which runs them without Bun: those that read a state
 * and look at a process, and the words of the table. They depend on no container, so they stay good when one is made
 * or removed. The front leaves a list to Bun in which anything is not as usual.
 */
import { call, exists } from "../../host/ask.ts";
import { guardOf } from "../../host/guard.ts";
import { recordAside } from "../../host/recorder.ts";
import { CACHED_DIRECTORY, FallBack, FrontFact } from "../../plan/abi.ts";
import { LIST_FILE, Part } from "../../plan/file-abi.ts";
import { askFront } from "../../sys/ffi.ts";
import { close, mkdir, replaceFile } from "../../sys/fs.ts";
import { FileBuilder } from "../lifecycle/plan-file.ts";
import { nameOf } from "./state.ts";
import { lookPlan, openOwn, readPlan } from "./states.ts";

/** Texts that the front can print as they are, in JSON too. */
const PLAIN = /^[ !#-[\]-~]+$/;

/**
 * Writes the file if the front has looked for it. Only for the caller's own state directory. Nothing is thrown: without
 * the file the next `list` is done by Bun.
 * @param titles of the table's columns
 */
export function keepListPlan(root: string, titles: readonly string[]): void {
  const why = askFront(FrontFact.fallBack);
  if (why !== FallBack.noPlan && why !== FallBack.otherPlan) return;
  try {
    const file = listFile(titles);
    if (file === null || !isOwn(root)) return;
    const directory = `${root}/${CACHED_DIRECTORY}`;
    mkdir(directory, 0o700);
    if (isOwn(directory)) replaceFile(`${directory}/${LIST_FILE}`, file);
  } catch {
    // The state directory may be read-only.
  }
}

function isOwn(directory: string): boolean {
  const fd = openOwn(directory, call("geteuid"));
  if (fd < 0) return false;
  close(fd);
  return true;
}

/** The file's bytes; null if the plan cannot be kept. */
function listFile(titles: readonly string[]): Uint8Array | null {
  let uid = 0;
  let owner = "";
  const recording = recordAside(() => {
    uid = call("geteuid");
    owner = nameOf(uid);
    // Without procfs no process seems to live.
    exists("/proc/self/stat");
  });
  const guard = guardOf(recording.inputs);
  if (recording.reason !== null || typeof guard === "string" || !PLAIN.test(owner)) return null;
  const file = new FileBuilder([LIST_FILE]);
  file.program(Part.listRead, readPlan(uid, false));
  file.program(Part.listLook, lookPlan(false));
  file.texts(Part.listWords, [...titles, "created", "running", "paused", "stopped", owner]);
  return file.finish(guard);
}
