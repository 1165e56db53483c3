/**
 * The plan of a `run` in the foreground, kept for the next one of the same bundle: the front (nsenter/front/run.c) does that
 * without Bun where all that compiling has asked of the caller and the machine is answered as it was (src/host).
 */
import { findHelper } from "../../../rootless/find-helper.ts";
import type { IdMap, IdMaps } from "../../../rootless/idmap.ts";
import { tellingNamespace } from "../../config/namespaces.ts";
import type { ContainerConfig } from "../../config/types.ts";
import { guardOf } from "../../host/guard.ts";
import type { Recording } from "../../host/recorder.ts";
import {
  CACHED_DIRECTORY,
  CACHED_MAX,
  CACHED_SLOTS,
  CLEANUP_MAX,
  FrontFact,
  HELPER_WORDS_MAX,
} from "../../plan/abi.ts";
import { askFront, NR, syscall } from "../../sys/ffi.ts";
import { mkdir, replaceFile, S, tryStat } from "../../sys/fs.ts";
import { each } from "../../sys/lists.ts";
import { utf8 } from "../../sys/utf8.ts";
import { execInfoText, type StoredState } from "../state/store.ts";
import type { RunOptions, Runtime } from "../types.ts";
import { cachedCleanupProgram } from "./cleanup.ts";
import { execInfoOf, type Launched } from "./launch.ts";
import { FileBuilder } from "./plan-file.ts";

/** What the front knows of a `run`. With whatever else is asked for, the plan is not kept. */
const KNOWN = { id: true, bundle: true, noNewKeyring: true } as const;

/** Why the plan of a `run` like this one is not kept, whatever its config, or null. */
export function unknownRequest(rt: Runtime, options: RunOptions): string | null {
  if (askFront(FrontFact.build) <= 0) return "this brun has no front";
  if (rt.cgroupManager !== "auto" || rt.rootless !== "auto" || rt.client !== undefined)
    return "a global flag";
  for (const name of Object.keys(options) as (keyof RunOptions)[]) {
    if (Object.hasOwn(KNOWN, name)) continue;
    const value = options[name];
    if (value !== undefined && value !== false && value !== 0 && value !== "auto") return `option ${name}`;
  }
  return null;
}

/** Why the front cannot do with a container of this config what brun does, or null. */
function beyondFront(config: ContainerConfig): string | null {
  const { spec } = config;
  if (spec.hooks !== undefined) return "hooks";
  if (config.cgroup !== null) return "a cgroup";
  // Its supervisor takes the program for process 1.
  if (config.init || tellingNamespace(config) !== null)
    return "another process than the program is the first";
  if (spec.linux?.intelRdt !== undefined || spec.linux?.netDevices !== undefined)
    return "resources of the host";
  if (config.seccomp?.notify) return "a seccomp agent";
  return null;
}

/** What is kept of a `run`. Made when the program runs: nobody waits for it. */
export interface RunPlan extends Pick<Launched, "config" | "state" | "programs"> {
  readonly recording: Recording;
  /** Lines for stderr, each time. */
  readonly warnings: readonly string[];
}

/** Writes it down. A file that cannot be written is none: nothing is thrown for it. */
export function keepPlan(rt: Runtime, plan: Uint8Array, bundle: string): void {
  const directory = `${rt.root}/${CACHED_DIRECTORY}`;
  try {
    if (mkdir(directory, 0o700) !== 0 && !isOwnDirectory(directory)) return;
    replaceFile(planPath(rt.root, bundle), plan);
  } catch {
    // The next run boots Bun again.
  }
}

/** The file's bytes, or why there is none. */
export function planFile({ config, state, programs, recording, warnings }: RunPlan): Uint8Array | string {
  const reason = recording.reason ?? beyondFront(config);
  if (reason !== null) return reason;
  const guard = guardOf(recording.inputs);
  if (typeof guard === "string") return guard;
  const [enter, build, finish] = programs;
  const cleanup = cachedCleanupProgram(state.id);
  const helpers = config.maps === null || config.selfMapped ? [] : helperWords(config.maps);
  if (helpers === null || finish === undefined || cleanup.bytes.length > CLEANUP_MAX) return "its length";
  const file = new FileBuilder();
  file.add(utf8(`${config.bundle}\0${config.newKeyring ? "" : "--no-new-keyring\0"}`));
  file.program(enter!);
  file.program(build!);
  file.program(finish);
  file.program(cleanup);
  file.add(utf8(stateText(state)));
  file.add(utf8(execInfoText(execInfoOf(config, !config.newKeyring))));
  file.add(config.seccomp?.bpf ?? new Uint8Array(0));
  file.add(helpers[0] ?? new Uint8Array(0));
  file.add(helpers[1] ?? new Uint8Array(0));
  file.add(utf8(warnings.join("")));
  file.guard(guard);
  file.ids();
  const bytes = file.finish();
  return bytes.length > CACHED_MAX ? "its length" : bytes;
}

/** Where others could have put something in our name, nothing is written. */
function isOwnDirectory(path: string): boolean {
  const stat = tryStat(path, true);
  if (typeof stat === "number" || (stat.mode & S.IFMT) !== S.IFDIR) return false;
  return stat.uid === syscall(NR.geteuid) && (stat.mode & 0o022) === 0;
}

/** Where the plan of a bundle is kept, or that of another one with the same hash. */
export function planPath(root: string, bundle: string): string {
  return `${root}/${CACHED_DIRECTORY}/${slotOf(bundle)}`;
}

/** FNV-1a of the UTF-8, as two hexadecimal digits. */
function slotOf(path: string): string {
  let hash = 2166136261;
  each(utf8(path), (byte) => {
    const mixed = (hash ^ byte) >>> 0;
    hash = (mixed * 0x193 + (mixed << 24)) >>> 0; // times 0x1000193
  });
  const slot = hash % CACHED_SLOTS;
  return (slot < 16 ? "0" : "") + slot.toString(16);
}

/** Path of newuidmap and newgidmap with the words after the pid; null where they are too many. */
function helperWords(maps: IdMaps): Uint8Array[] | null {
  const words = (kind: "uid" | "gid"): Uint8Array | null => {
    const map: readonly IdMap[] = maps[kind];
    const path = findHelper(`new${kind}map`);
    if (3 * map.length >= HELPER_WORDS_MAX) return null;
    let text = `${path}\0`;
    each(map, (m) => {
      text += `${m.containerId}\0${m.hostId}\0${m.size}\0`;
    });
    return utf8(text);
  };
  const [uid, gid] = [words("uid"), words("gid")];
  return uid === null || gid === null ? null : [uid, gid];
}

/**
 * state.json with characters that JSON does not have where the next container's will be: id, time, pid and start
 * time of the process.
 */
export function stateText(state: StoredState): string {
  const {
    version,
    ociVersion,
    id: _id,
    bundle,
    rootfs,
    created: _c,
    pid: _p,
    startTime: _s,
    ...rest
  } = state;
  const open = (part: object): string => JSON.stringify(part).slice(1, -1);
  const more = open(rest);
  return (
    `{${open({ version, ociVersion })},"id":"\x01",${open({ bundle, rootfs })},"created":"\x02",` +
    `"pid":\x03,"startTime":"\x04"${more === "" ? "" : `,${more}`}}`
  );
}
