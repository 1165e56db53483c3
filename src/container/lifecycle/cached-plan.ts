/**
 * The plan of a `run`, kept for the next one of the same bundle: the front (nsenter/front/run.c) does that
 * without Bun where all that compiling has asked of the caller and the machine is answered as it was (src/host).
 */
import { findHelper } from "../../../rootless/find-helper.ts";
import type { IdMap, IdMaps } from "../../../rootless/idmap.ts";
import { tellingNamespace } from "../../config/namespaces.ts";
import type { ContainerConfig } from "../../config/types.ts";
import { guardOf } from "../../host/guard.ts";
import type { Recording } from "../../host/recorder.ts";
import {
  DIRECTORY_MODE,
  EXEC_FILE,
  FILTER_FILE,
  STATE_FILE,
  STATE_FILE_NEW,
  Supervise,
} from "../../plan/abi.ts";
import { HELPER_WORDS_MAX, Hole, InputKind, LocalSlot, Manner, Part, PLAN_MAX } from "../../plan/file-abi.ts";
import { holeMark } from "../../plan/hole-mark.ts";
import { type Program, ProgramBuilder, type Slot, type Str } from "../../plan/program.ts";
import { LOCK } from "../../sys/constants.ts";
import { AT_FDCWD, O } from "../../sys/fs.ts";
import { each } from "../../sys/lists.ts";
import { utf8 } from "../../sys/utf8.ts";
import { limitOf, parentOf } from "../io/kept-log.ts";
import { paths, type StoredState } from "../state/store.ts";
import type { RunOptions, Runtime } from "../types.ts";
import { type KeptPlan, keyOfBundle, keyOfCommand } from "./cached-files.ts";
import {
  beginOfName,
  hasDirectory,
  hasName,
  NOTHING_OPEN,
  type OpenHoles,
  openExecInfo,
  openHoles,
  openState,
} from "./cached-holes.ts";
import { hooksProgram, OpenBuilder, startRelayAlone } from "./cached-hooks.ts";
import { makeKept } from "./cached-kept.ts";
import { laterFile } from "./cached-later.ts";
import { cleanupProgram } from "./cleanup.ts";
import { execInfoOf } from "./exec-facts.ts";
import type { Launched } from "./launch.ts";
import { FileBuilder, hasFront } from "./plan-file.ts";

/** What the front knows of a `run` of a bundle. With whatever else is asked for, the plan is not kept. */
const KNOWN: ReadonlySet<keyof RunOptions> = new Set(["id", "bundle", "noNewKeyring", "detach"]);

/** What follows from the words of a container without a bundle, and the inputs. */
const OF_WORDS: ReadonlySet<keyof RunOptions> = new Set([
  ...([
    "id",
    "bundle",
    "noNewKeyring",
    "command",
    "loaded",
    "notices",
    "realRoot",
    "proc",
    "userns",
    "dieWithParent",
  ] as const),
  ...(["raises", "timeout", "kept", "keep", "started"] as const),
]);

/** Why the plan of a `run` like this one is not kept, whatever its config, or null. */
export function unknownRequest(rt: Runtime, options: RunOptions): string | null {
  if (!hasFront()) return "this brun has no front";
  if (rt.cgroupManager !== "auto" || rt.rootless !== "auto" || rt.client !== undefined)
    return "a global flag";
  const known = options.command === undefined ? KNOWN : OF_WORDS;
  for (const name of Object.keys(options) as (keyof RunOptions)[]) {
    if (known.has(name)) continue;
    const value = options[name];
    if (value !== undefined && value !== false && value !== 0 && value !== "auto") return `option ${name}`;
  }
  return null;
}

/** Why the front cannot do with a container of this config what brun does, or null. */
function beyondFront(config: ContainerConfig): string | null {
  const { spec } = config;
  if (spec.hooks !== undefined && !startRelayAlone(spec.hooks)) return "hooks";
  if (config.cgroup !== null) return "a cgroup";
  // Only Bun can find out which of its processes are left at the end.
  if (tellingNamespace(config) !== null) return "a pid namespace that is not its own";
  if (spec.linux?.intelRdt !== undefined || spec.linux?.netDevices !== undefined)
    return "resources of the host";
  if (config.seccomp?.notify) return "a seccomp agent";
  return null;
}

/** The cached plan of a `run`. */
export interface RunPlan extends Pick<Launched, "config" | "state" | "programs" | "later"> {
  readonly recording: Recording;
  /** Lines for stderr, each time. */
  readonly warnings: readonly string[];
  readonly options?: Partial<Pick<RunOptions, "command" | "detach" | "raises" | "timeout" | "kept" | "keep">>;
}

/**
 * The file, or why there is none.
 * @param root the state directory
 * @param anyDirectory it is for any current directory
 */
export function planFile(
  root: string,
  plan: RunPlan,
  anyDirectory = isForAnyDirectory(plan),
): KeptPlan | string {
  const { config, state, programs, recording, warnings, options = {}, later } = plan;
  const { command } = options;
  const reason = recording.reason ?? beyondFront(config);
  if (reason !== null) return reason;
  const guard = guardOf(recording.inputs);
  if (typeof guard === "string") return guard;
  if (command !== undefined && !guard.some(({ kind }) => kind === InputKind.mask))
    return "what decides about it has not been recorded";
  const open = command === undefined ? NOTHING_OPEN : openHoles(command, config, anyDirectory);
  if (typeof open === "string") return open;
  const [enter, build, finish] = programs;
  const helpers = config.maps === null || config.selfMapped ? [] : helperWords(config.maps);
  if (helpers === null || finish === undefined) return "its length";
  const key =
    command === undefined
      ? keyOfBundle(config.bundle, options.detach, !config.newKeyring)
      : keyOfCommand(command, anyDirectory, root);
  const file = new FileBuilder(key);
  const told = warnings.join("");
  each(helpers, (words, i) => file.texts(i === 0 ? Part.newuidmap : Part.newgidmap, words));
  file.add(Part.warnings, utf8(told));
  addManner(file, config, options, open);
  const { directory } = paths(root, state.id);
  const info = openExecInfo(execInfoOf(config), state.id, open.kinds);
  if (open.kinds.includes(Hole.cwd) && !info.includes(holeMark(Hole.cwdText)))
    return planFile(root, plan, false);
  const places = [Hole.directory, Hole.log];
  const hooks = config.spec.hooks?.createRuntime;
  const log = state.kept?.directory;
  if (log !== undefined) file.texts(Part.logs, [parentOf(log)]);
  const parts = [
    [Part.enter, enter!, open.kinds],
    [Part.build, build!, open.kinds],
    [Part.finish, finish, open.kinds],
    [Part.make, makeProgram(directory, info, config.seccomp?.bpf, log), [...places, Hole.text]],
    [Part.save, saveProgram(state), [Hole.text]],
    ...(hooks === undefined ? [] : [[Part.hooks, hooksProgram(state, hooks), [Hole.text]] as const]),
    [Part.publish, publishProgram(), []],
    [
      Part.cleanup,
      cleanupProgram(root, state, false, undefined, new OpenBuilder(state)),
      [...places, Hole.text],
    ],
  ] as const;
  for (const [part, program, kinds] of parts) {
    if (command?.anyId === true && hasName(program, state.id, kinds)) return "its name is a part of it";
    if (anyDirectory && hasDirectory(program, command!.directory, kinds)) return planFile(root, plan, false);
    file.program(part, program, kinds);
  }
  const plans = later === null ? null : laterFile(root, state, later, open.kinds);
  if (plans !== null) file.add(Part.later, plans);
  if (command?.anyId === true && told.includes(state.id)) return "its name is in a warning";
  const bytes = file.finish(guard);
  return bytes.length > PLAN_MAX ? "its length" : { bytes, key };
}

/**
 * Whether the current directory decides nothing else than the guard asks: then it is only passed on. The default
 * directory of `exec` in a detached container is in other plans.
 */
function isForAnyDirectory({ options, recording, later }: RunPlan): boolean {
  const { command } = options ?? {};
  if (command === undefined || command.fixedEnvironment() === null || later !== null) return false;
  return !recording.inputs.some(({ kind, about }) => kind === InputKind.link && about === "/proc/self/cwd");
}

/** What there is of a command besides programs. */
function addManner(
  file: FileBuilder,
  { init, id, spec }: ContainerConfig,
  { command, detach, raises, timeout = 0, kept, keep }: NonNullable<RunPlan["options"]>,
  { fixed, leading }: OpenHoles,
): void {
  const raising = raises && kept === undefined;
  const supervise = (init ? Supervise.init : 0) | (raising ? Supervise.raises : 0);
  if (command === undefined && supervise === 0 && !detach) return;
  const flags =
    (command?.anyId ? Manner.madeUp : 0) |
    (command?.emptyStdin ? Manner.emptyStdin : 0) |
    (fixed === null ? 0 : Manner.environment) |
    (keep ? Manner.stays : 0) |
    (detach ? Manner.leaves : 0) |
    (kept === undefined ? 0 : Manner.background) |
    (kept?.interactive ? Manner.interactive : 0) |
    (kept !== undefined && spec.process?.terminal ? Manner.terminal : 0);
  const limit = kept === undefined ? 0 : limitOf(kept.size);
  file.add(Part.manner, new Uint8Array(new Uint32Array([flags, supervise, timeout, limit]).buffer));
  if (command === undefined) return;
  file.texts(Part.name, [command.anyId ? beginOfName(id) : id]);
  file.texts(Part.entrypoint, leading);
  if (fixed !== null) file.texts(Part.variables, fixed);
}

/** Makes a container's directory and locks it, as claim() of store.ts does, and puts there what is known before its process. */
function makeProgram(
  path: string,
  info: string,
  filter: Uint8Array | undefined,
  log: string | undefined,
): Program {
  const b = new ProgramBuilder();
  const slots: Slot[] = [];
  for (let i = 0; i <= LocalSlot.attach; i++) slots.push(b.slot());
  const directory = slots[LocalSlot.directory]!;
  const place = b.hole(Hole.directory, path);
  b.sys("mkdirat", [AT_FDCWD, place, DIRECTORY_MODE]);
  // A failure from here on has a directory to remove.
  b.once();
  const flags = O.RDONLY | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC;
  b.get("openat", [AT_FDCWD, place, flags, 0], { out: directory });
  // Another command that already has it has waited for just this container, and will find it there.
  b.sys("flock", [directory, LOCK.EX | LOCK.NB]);
  if (filter !== undefined) writeNew(b, directory, FILTER_FILE, filter);
  writeNew(b, directory, EXEC_FILE, b.hole(Hole.text, info));
  if (log !== undefined) makeKept(b, slots, log);
  return b.finish();
}

/** Writes state.json under the name that it has until {@link publishProgram}. */
function saveProgram(state: StoredState): Program {
  const b = new ProgramBuilder();
  writeNew(b, b.slot(), STATE_FILE_NEW, b.hole(Hole.text, openState(state)));
  return b.finish();
}

/** Others read state.json without the lock: it is there when it is complete, and so is the container. */
function publishProgram(): Program {
  const b = new ProgramBuilder();
  const directory = b.slot();
  b.sys("renameat2", [directory, b.str(STATE_FILE_NEW), directory, b.str(STATE_FILE), 0]);
  return b.finish();
}

/** Writes a file that is not there. */
function writeNew(b: ProgramBuilder, directory: Slot, name: string, what: Str | Uint8Array): void {
  const flags = O.WRONLY | O.CREAT | O.EXCL | O.CLOEXEC;
  const fd = b.get("openat", [directory, b.str(name), flags, 0o600]);
  b.write(fd, what);
  b.close(fd);
}

/** Path of newuidmap and newgidmap with the words after the pid; null where they are too many. */
function helperWords(maps: IdMaps): string[][] | null {
  const words = (kind: "uid" | "gid"): string[] | null => {
    const map: readonly IdMap[] = maps[kind];
    const all = [findHelper(`new${kind}map`)];
    if (3 * map.length >= HELPER_WORDS_MAX) return null;
    each(map, (m) => {
      all.push(`${m.containerId}`, `${m.hostId}`, `${m.size}`);
    });
    return all;
  };
  const [uid, gid] = [words("uid"), words("gid")];
  return uid === null || gid === null ? null : [uid, gid];
}
