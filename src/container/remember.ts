/**
 * What is written down of a `run` in the foreground, for the next one of the same bundle: the front (nsenter/front/run.c) does
 * that without Bun, if the config and all else that the programs were made from is as it was. What says so is in the file: the
 * config itself, contents of other files, a program that asks the kernel. Where it cannot be said, nothing is written.
 */
import { findHelper } from "../../rootless/find-helper.ts";
import { defaultMaps, type IdMap, type IdMaps, mapText } from "../../rootless/idmap.ts";
import { parseSubids, subidSource, userNameOf } from "../../rootless/subid.ts";
import { tellingNamespace } from "../config/namespaces.ts";
import type { Change, ContainerConfig } from "../config/types.ts";
import { FrontFact } from "../plan/abi.ts";
import type { Spec } from "../spec/index.ts";
import { ANY, type Program, ProgramBuilder } from "../stage/program.ts";
import { askFront, NR, syscall } from "../sys/ffi.ts";
import { AT_REMOVEDIR, mkdir, readTextIfThere, replaceFile, S, tryStat } from "../sys/fs.ts";
import { any, each, mapped } from "../sys/lists.ts";
import { utf8 } from "../sys/utf8.ts";
import { wantsCgroup } from "./cgroup.ts";
import { fileSystem } from "./facts.ts";
import { failAt, unlessFileChanged, unlessFileSystem } from "./guards.ts";
import { execInfoOf, type Launched } from "./launch.ts";
import { FileBuilder, type Witness } from "./remembered-file.ts";
import { inFirstNamespace } from "./root.ts";
import { execInfoText, FILES, type StoredState } from "./store.ts";
import type { RunOptions, Runtime } from "./types.ts";

/** nsenter/front/remembered.h. */
const SLOTS = 64;
const FILE_MAX = 4 << 20;
const STDIO_ANY = 8;
/** Longest clean-up program, and most arguments of newuidmap: nsenter/front/{run,mapping}.c. */
const CLEANUP_MAX = 4096;
const HELPER_WORDS_MAX = 64;
/** A config beyond this size costs more to compare than most are worth. */
const CONFIG_MAX = 1 << 18;

/** Has no place among containers: "@" is not for ids. */
const DIRECTORY = "@run";

/** Whether another `run` like this one may be remembered. */
export function rememberable(rt: Runtime, options: RunOptions, { config, text, notify }: Launched): boolean {
  if (!isPlain(rt, options) || text.length > CONFIG_MAX) return false;
  return notify === null && dependsOnLittle(config);
}

/** The command line is one that the front knows, and the caller an ordinary user of the host. */
function isPlain(rt: Runtime, options: RunOptions): boolean {
  if (askFront(FrontFact.build) <= 0 || rt.cgroupManager !== "auto" || rt.rootless !== "auto") return false;
  if (options.detach || options.config !== undefined || options.loaded !== undefined) return false;
  if (options.pidFile ?? options.consoleSocket ?? options.pidfdSocket ?? options.timeout) return false;
  if (options.noPivot || options.keep || options.noSubreaper) return false;
  if (options.proc !== undefined && options.proc !== "auto") return false;
  if (options.userns !== undefined && options.userns !== "auto") return false;
  if (options.awaitStart || options.started !== undefined) return false;
  return syscall(NR.geteuid) !== 0 && inFirstNamespace();
}

/** The programs depend on the config, and on nothing of the host that is not asked about below. */
function dependsOnLittle(config: ContainerConfig): boolean {
  const { spec, facts, seccomp } = config;
  const { process, linux, annotations } = spec;
  if (wantsCgroup(spec) || config.joins.length > 0 || config.preserveFds !== 0 || config.extraEnv.length > 0)
    return false;
  if (process!.apparmorProfile || process!.selinuxLabel || linux?.mountLabel) return false;
  if (spec.hooks !== undefined || linux?.intelRdt !== undefined || linux?.netDevices !== undefined)
    return false;
  // The front's supervisor takes the program for process 1.
  if (config.init || config.dieWithParent || tellingNamespace(config) !== null) return false;
  if (seccomp?.notify || facts.lacking !== undefined || config.raisedLimits !== undefined) return false;
  // How far it may be lowered cannot be looked up.
  if ((process!.oomScoreAdj ?? 0) < Number(readTextIfThere("/proc/self/oom_score_adj") ?? "0")) return false;
  if (facts.idmaps !== undefined || facts.hostOnly !== undefined) return false;
  // Limits of the process that were clamped to the caller's.
  const decides = ({ where, warn, tellOnce }: Change) =>
    warn === true || tellOnce !== undefined || where.startsWith("process");
  if (any(config.changes, decides)) return false;
  if (any(Object.keys(annotations ?? {}), (name) => name.startsWith("run.oci."))) return false;
  // What is no link now may be one then, and what is left out now may be there.
  const changes = (option: string) => option === "copy-symlink" || option === "from-root";
  if (any(spec.mounts, ({ options }) => any(options, changes))) return false;
  const count = spec.mounts?.length ?? 0;
  for (let i = 0; i < count; i++) {
    const source = facts.sources.get(i);
    if (source !== undefined && source !== "dir" && source !== "file") return false;
  }
  return true;
}

/** Writes it down. A file that cannot be written is none: nothing is thrown for it. */
export function remember(rt: Runtime, launched: Launched): void {
  const directory = `${rt.root}/${DIRECTORY}`;
  try {
    const bytes = rememberedFile(launched);
    if (bytes === null || bytes.length > FILE_MAX) return;
    if (mkdir(directory, 0o700) !== 0 && !isOwnDirectory(directory)) return;
    replaceFile(`${directory}/${slotOf(launched.config.bundle)}`, bytes);
  } catch {
    // The next run boots Bun again.
  }
}

/** The file's bytes; null where it cannot be said what the programs depend on. */
export function rememberedFile({
  config,
  state,
  programs,
  text,
}: Pick<Launched, "config" | "state" | "programs" | "text">): Uint8Array | null {
  const [enter, build, finish] = programs;
  const cleanup = cleanupProgram(state.id);
  const guard = guardProgram(config);
  const helpers = config.maps === null || config.selfMapped ? [] : helperWords(config.maps);
  const files = witnesses(config, text);
  if (
    guard === null ||
    helpers === null ||
    files === null ||
    finish === undefined ||
    cleanup.bytes.length > CLEANUP_MAX
  )
    return null;
  const file = new FileBuilder();
  file.add(utf8(`${config.bundle}\0`));
  file.add(guard.bytes);
  file.program(enter!);
  file.program(build!);
  file.program(finish);
  file.program(cleanup);
  file.add(utf8(stateText(state)));
  file.add(utf8(execInfoText(execInfoOf(config, !config.newKeyring))));
  file.add(config.seccomp?.bpf ?? new Uint8Array(0));
  file.add(helpers[0] ?? new Uint8Array(0));
  file.add(helpers[1] ?? new Uint8Array(0));
  file.witnesses(files);
  file.ids();
  return file.finish([syscall(NR.getegid), stdioOf(config), config.newKeyring ? 0 : 1, terminalOf(config)]);
}

/** Where others could have put something in our name, nothing is written. */
function isOwnDirectory(path: string): boolean {
  const stat = tryStat(path, true);
  if (typeof stat === "number" || (stat.mode & S.IFMT) !== S.IFDIR) return false;
  return stat.uid === syscall(NR.geteuid) && (stat.mode & 0o022) === 0;
}

/** FNV-1a of the UTF-8, as two hexadecimal digits. */
function slotOf(path: string): string {
  let hash = 2166136261;
  each(utf8(path), (byte) => {
    const mixed = (hash ^ byte) >>> 0;
    hash = (mixed * 0x193 + (mixed << 24)) >>> 0; // times 0x1000193
  });
  const slot = hash % SLOTS;
  return (slot < 16 ? "0" : "") + slot.toString(16);
}

/** Which of stdin, stdout and stderr the process's user was given, a bit each. */
function stdioOf({ spec, facts }: ContainerConfig): number {
  if ((spec.process!.user?.uid ?? 0) === 0) return STDIO_ANY;
  let bits = 0;
  each(facts.ownStdio, (fd) => {
    bits |= 1 << fd;
  });
  return bits;
}

/** Whether the program gets a terminal (1), with the size of the caller's (2). */
function terminalOf({ spec, facts }: ContainerConfig): number {
  if (!spec.process!.terminal) return 0;
  return facts.terminalSize === null ? 1 : 2;
}

/** Asks the kernel what the programs depend on; null where that cannot be asked. */
function guardProgram(config: ContainerConfig): Program | null {
  const b = new ProgramBuilder();
  const otherwise = b.label();
  if (mountsCgroup(config)) {
    const type = fileSystem("/sys/fs/cgroup");
    if (type === 0) return null;
    unlessFileSystem(b, "/sys/fs/cgroup", type, otherwise);
  }
  if (config.seccomp !== null) {
    const { library } = config.seccomp;
    if (!library || !unlessFileChanged(b, library, otherwise)) return null;
  }
  failAt(b, otherwise);
  return b.finish();
}

function mountsCgroup({ spec }: ContainerConfig): boolean {
  return any(spec.mounts, (m) => m.type === "cgroup" || m.type === "cgroup2");
}

/**
 * Files whose contents decide, and these: maps that the config does not give, on hybrid hosts what a cgroup mount shows,
 * and what may not be lowered. Null where something else decides.
 */
function witnesses(config: ContainerConfig, text: string): Witness[] | null {
  const { spec, maps, facts } = config;
  const { uidMappings, gidMappings } = spec.linux ?? {};
  const files: Witness[] = [[`${config.bundle}/config.json`, text]];
  const read = (path: string): string => {
    const content = readTextIfThere(path);
    files.push([path, content]);
    return content ?? "";
  };
  if (maps !== null && !(uidMappings?.length && gidMappings?.length)) {
    const [subuid, subgid] = [read("/etc/subuid"), read("/etc/subgid")];
    if (subidSource(read("/etc/nsswitch.conf")) !== "files") return null;
    if (!areDefault(maps, spec, subuid, subgid, read("/etc/passwd"))) return null;
  }
  if (!facts.cgroup2) read("/proc/self/cgroup");
  if (spec.process!.oomScoreAdj !== undefined) read("/proc/self/oom_score_adj");
  return files;
}

/** Whether the maps that the config does not give are those by these files, which may have changed meanwhile. */
function areDefault(maps: IdMaps, { linux }: Spec, subuid: string, subgid: string, passwd: string): boolean {
  const uid = syscall(NR.geteuid);
  const name = userNameOf(passwd, uid);
  const ranges = mapped([subuid, subgid], (file) => parseSubids(file, "", uid, name));
  const now = defaultMaps(uid, syscall(NR.getegid), ranges[0]!, ranges[1]!).maps;
  if (!linux?.uidMappings?.length && mapText(now.uid) !== mapText(maps.uid)) return false;
  return Boolean(linux?.gidMappings?.length) || mapText(now.gid) === mapText(maps.gid);
}

/** Path of newuidmap and newgidmap with the words behind the pid; null where PATH decides, or they are too many. */
function helperWords(maps: IdMaps): Uint8Array[] | null {
  const words = (kind: "uid" | "gid"): Uint8Array | null => {
    const map: readonly IdMap[] = maps[kind];
    const path = findHelper(`new${kind}map`, "");
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

/** As cleanup.ts; the front puts in the container's directory and the state directory. */
function cleanupProgram(id: string): Program {
  const b = new ProgramBuilder();
  const [directory, root] = [b.slot(), b.slot()];
  each(FILES, (file) => b.sys("unlinkat", [directory, b.str(file), 0], { handle: [ANY] }));
  b.sys("unlinkat", [root, b.idText("", id), AT_REMOVEDIR], { handle: [ANY] });
  return b.finish();
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
