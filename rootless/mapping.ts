/** Writes the id maps of a new user namespace: directly, or with newuidmap and newgidmap at the same time. */

import { BrunError } from "../src/errors.ts";
import { uncacheable } from "../src/host/recorder.ts";
import { E, errnoName } from "../src/sys/errno.ts";
import { SysError } from "../src/sys/error.ts";
import { close, readFd, tryWriteExisting } from "../src/sys/fs.ts";
import { each, mapped } from "../src/sys/lists.ts";
import { makePipe } from "../src/sys/pipe.ts";
import { type Child, type ExitStatus, spawn, waitChild } from "../src/sys/spawn.ts";
import { fromUtf8 } from "../src/sys/utf8.ts";
import type { Caller } from "./caller.ts";
import { findHelper, lacksPrivilege, type MapHelper } from "./find-helper.ts";
import { type IdMap, type IdMaps, mapText } from "./idmap.ts";
import { grantFix, type IdKind } from "./validate.ts";

/**
 * Whether a process may write both maps itself from inside without privilege: each has one line of one id, its own
 * (user_namespaces(7)). setgroups must be denied before gid_map is written.
 */
export function selfMappable(maps: IdMaps, uid: number, gid: number): boolean {
  return isOwnId(maps.uid, uid) && isOwnId(maps.gid, gid);
}

function isOwnId(map: readonly IdMap[], id: number): boolean {
  return map.length === 1 && map[0]!.size === 1 && map[0]!.hostId === id;
}

/**
 * Whether setgroups(2) ends up denied in the namespace. Without privilege, a gid_map of the own gid alone can only
 * be written so, and newgidmap denies setgroups then, too.
 */
export function deniesSetgroups(maps: IdMaps, caller: Caller): boolean {
  return !caller.privileged && isOwnId(maps.gid, caller.gid);
}

/**
 * Writes the maps of a process that has just entered a new user namespace, from the parent namespace. A privileged
 * caller writes them itself, each in one write(2). Others use newuidmap and newgidmap.
 *
 * Throws a BrunError with cause and fix if the kernel or a helper refuses.
 */
export function writeMaps(pid: number, maps: IdMaps, caller: Caller): void {
  startMaps(pid, maps, caller)();
}

/**
 * As {@link writeMaps}, but returns while the two programs run. The returned function waits for
 * them. Both throw a BrunError.
 */
export function startMaps(pid: number, maps: IdMaps, caller: Caller): () => void {
  if (!caller.privileged) return startHelpers(pid, maps, caller);
  uncacheable("the caller may write id maps itself");
  writeDirectly(pid, "uid", maps.uid);
  writeDirectly(pid, "gid", maps.gid);
  return () => {};
}

function writeDirectly(pid: number, kind: IdKind, map: readonly IdMap[]): void {
  const file = `/proc/${pid}/${kind}_map`;
  const result = tryWriteExisting(file, mapText(map));
  if (result === 0) return;
  throw new BrunError(`cannot write ${file}: ${errnoName(-result)}`, {
    where: `linux.${kind}Mappings`,
    hint: refusalHint(-result, map),
  });
}

const PAGE = 4096;

/** Why the kernel refuses a map that validateMaps accepts (kernel/user_namespace.c, map_write). */
function refusalHint(errno: number, map: readonly IdMap[]): string | undefined {
  const length = mapText(map).length;
  if (errno === E.EINVAL && length >= PAGE) {
    return `the map takes ${length} bytes and the kernel takes less than a page, ${PAGE}: use fewer mappings`;
  }
  if (errno !== E.EPERM) return undefined;
  if (map.some((m) => m.hostId === 0)) {
    return "host id 0 is mapped, which needs CAP_SETFCAP since Linux 5.12: give it to brun, or map other ids";
  }
  return `host ids must be mapped in brun's own user namespace, whose ids are in /proc/self/uid_map`;
}

interface Running {
  readonly name: MapHelper;
  readonly kind: IdKind;
  readonly path: string;
  readonly child: Child;
}

function startHelpers(pid: number, maps: IdMaps, caller: Caller): () => void {
  const paths = {
    uid: findHelper("newuidmap"),
    gid: findHelper("newgidmap"),
  };
  const { reader, writer } = makePipe();
  const running: Running[] = [];
  try {
    // Both programs are started before either is waited for.
    for (const kind of ["uid", "gid"] as const) {
      const name = `new${kind}map` as const;
      const argv: string[] = [name, `${pid}`];
      each(maps[kind], (m) => argv.push(`${m.containerId}`, `${m.hostId}`, `${m.size}`));
      const child = spawn({ path: paths[kind], argv, env: [], stdio: [-1, writer, writer], goOn: true });
      running.push({ name, kind, path: paths[kind], child });
    }
  } catch (error) {
    for (const { child } of running) reap(child);
    close(reader);
    throw error;
  } finally {
    close(writer);
  }
  return () => {
    const statuses = mapped(running, ({ child }) => reap(child));
    let failed = 0;
    while (failed < statuses.length && succeeded(statuses[failed]!)) failed++;
    const said =
      failed === statuses.length ? "" : fromUtf8(readFd(reader, "the pipe from newuidmap and newgidmap"));
    close(reader);
    if (failed === statuses.length) return;
    const { path, child } = running[failed]!;
    if (child.execError() !== 0) throw new SysError(`exec ${path}`, child.execError());
    throw helperError(running[failed]!, statuses[failed]!, said, maps, caller);
  };
}

function succeeded(status: ExitStatus): boolean {
  return status.code === 0 && status.signal === 0;
}

function reap(child: Child): ExitStatus {
  const status = waitChild(child.pid);
  if (child.pidfd >= 0) close(child.pidfd);
  return status;
}

/** Turns a helper's message ("newuidmap: uid range [1-2) -> [5-6) not allowed") into cause and fix. */
function helperError(
  { name, kind, path }: Running,
  status: ExitStatus,
  output: string,
  maps: IdMaps,
  caller: Caller,
): BrunError {
  const where = `linux.${kind}Mappings`;
  const lines = output.split("\n").filter((line) => line.startsWith(`${name}: `));
  const said = lines.map((line) => line.slice(name.length + 2)).join("; ");
  const ending = status.signal === 0 ? `exit code ${status.code}` : `signal ${status.signal}`;
  const message = `${name} refused the id map: ${said === "" ? ending : said}`;
  const range = /range \[\d+-\d+\) -> \[(\d+)-(\d+)\) not allowed/.exec(said);
  if (range !== null) {
    const hostId = Number(range[1]);
    const m = { containerId: 0, hostId, size: Number(range[2]) - hostId };
    return new BrunError(message, { where, fix: grantFix(kind, m, caller) });
  }
  const privilege = lacksPrivilege(path);
  if (privilege !== null)
    return new BrunError(`${message}: ${privilege.cause}`, { where, fix: privilege.fix });
  const errno = /Operation not permitted/.test(said) ? E.EPERM : /Invalid argument/.test(said) ? E.EINVAL : 0;
  const noName = caller.userName === null ? `add an entry for uid ${caller.uid} to /etc/passwd` : undefined;
  return new BrunError(message, { where, hint: refusalHint(errno, maps[kind]) ?? noName });
}
