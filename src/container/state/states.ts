/**
 * State and status of many containers, by one call into the C for all of them each. What is as usual is told; the rest is left
 * to those who look at one container, and say what is the matter with it: loadState of store.ts, statusOf of status.ts.
 */
import { FIFO_FILE, STATE_FILE } from "../../plan/abi.ts";
import { type Local, type LocalFailure, localPlan, runForEach } from "../../plan/local.ts";
import { ANY } from "../../plan/program.ts";
import { RESOLVE, STATX } from "../../sys/constants.ts";
import { E } from "../../sys/errno.ts";
import { addressOf } from "../../sys/ffi.ts";
import { AT_EMPTY_PATH, close, fstat, O, S, tryOpen } from "../../sys/fs.ts";
import { each } from "../../sys/lists.ts";
import { fromUtf8, utf8 } from "../../sys/utf8.ts";
import { F_OK, lookAt } from "./status.ts";
import type { StoredState } from "./store.ts";

/** A container that is there. */
export interface Found {
  readonly stored: StoredState;
  /** Who its directory belongs to, if {@link readStates} has read it. */
  readonly uid: number | undefined;
}

/** Most states are a quarter of that. */
const ROOM = 2048;

/** How many are read at once, into memory that is used again for the next: fresh pages cost more than the calls. */
const AT_ONCE = 64;

/** Of struct open_how. */
const OPEN_HOW_SIZE = 24;

const OTHERS_WRITE = 0o022;

/** Files of containers by their paths below the state directory, in the memory that plans read them from. */
class Files {
  /** Where each path begins, as long as this is there. */
  readonly addresses: number[] = [];
  /** Keeps the memory. */
  readonly bytes: Uint8Array;

  constructor(ids: readonly string[], file: string) {
    this.bytes = utf8(ids.map((id) => `${id}/${file}\0`).join(""));
    let address = addressOf(this.bytes);
    each(ids, (id) => {
      this.addresses.push(address);
      // Ids are ASCII.
      address += id.length + file.length + 2;
    });
  }
}

/** Slots of {@link readPlan}: the path, where to, and out: how long it is, -1 where it has not been read. */
const LENGTH = 2;

/** Reads a state by a path without links, if it is a file of this user's. */
function readPlan({ b, directory, end }: Local, uid: number): void {
  const [file, to, length] = [b.slot(), b.slot(), b.slot()];
  const flags = O.RDONLY | O.NONBLOCK | O.NOCTTY | O.CLOEXEC;
  const how = b.bytes(new Uint8Array(new Uint32Array([flags, 0, 0, 0, RESOLVE.NO_SYMLINKS, 0]).buffer), "");
  const status = b.reserve(STATX.SIZE);
  const other = b.label();
  const otherwise = { handle: [ANY], orElse: other };
  const fd = b.get("openat2", [directory, file, how, OPEN_HOW_SIZE]);
  b.sys("statx", [fd, b.str(""), AT_EMPTY_PATH, STATX.BASIC_STATS, status], otherwise);
  b.check(b.inside(status, STATX.MODE), 2, S.IFMT, S.IFREG, E.EPERM, otherwise);
  b.check(b.inside(status, STATX.UID), 4, 0xffffffff, uid, E.EPERM, otherwise);
  b.get("read", [fd, to, ROOM], { out: length, ...otherwise });
  b.sys("close", [fd], { andThen: end });
  b.mark(other);
  b.close(fd);
}

/** Opens a directory in which only the caller makes something; -1 where that is not so. */
function openOwn(path: string, uid: number): number {
  const fd = tryOpen(path, O.RDONLY | O.DIRECTORY);
  if (fd < 0) return -1;
  const found = fstat(fd);
  if (found.uid === uid && (found.mode & OTHERS_WRITE) === 0) return fd;
  close(fd);
  return -1;
}

/** The texts of the caller's own state.json, in the order of the ids; null for what loadState has to look at. */
export function readStates(root: string, ids: readonly string[], uid: number): (string | null)[] {
  const texts: (string | null)[] = ids.map(() => null);
  const directory = openOwn(root, uid);
  if (directory < 0) return texts;
  const files = new Files(ids, STATE_FILE);
  const plan = localPlan((local) => readPlan(local, uid), false);
  const buffer = new Uint8Array(ROOM * AT_ONCE);
  const to = addressOf(buffer);
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const some = files.addresses.slice(from, from + AT_ONCE);
    const { slotOf } = runForEach(
      () => plan,
      directory,
      some.map((address, i) => [address, to + ROOM * i, -1]),
    );
    each(some, (_, i) => {
      const length = slotOf(i, LENGTH);
      if (length >= 0 && length < ROOM)
        texts[from + i] = fromUtf8(buffer.subarray(ROOM * i, ROOM * i + length));
    });
  }
  close(directory);
  return texts;
}

/** {@link lookAt} of a container that is not being made and has no cgroup, as most of a user's; from the state directory. */
function look(local: Local): void {
  const { b, directory, at } = local;
  const [pid, startTime, fifo] = [b.slot(), b.slot(), b.slot()];
  lookAt(local, { pid, startTime }, { running: null });
  at("isCreated");
  b.sys("faccessat", [directory, fifo, F_OK]);
}

/** What has become of {@link look} for those that readStates has read; undefined for what statusOf has to look at. */
export function lookAtEach(root: string, all: readonly Found[]): (LocalFailure | null | undefined)[] {
  const plain = all.filter(
    ({ stored, uid }) => uid !== undefined && !stored.creating && stored.cgroup === undefined,
  );
  const directory = tryOpen(root, O.RDONLY | O.DIRECTORY);
  if (directory < 0) return all.map(() => undefined);
  const ids = plain.map(({ stored }) => stored.id);
  const fifos = new Files(ids, FIFO_FILE);
  const given = plain.map(({ stored: { pid, startTime } }, i) => [
    pid,
    Number(startTime),
    fifos.addresses[i]!,
  ]);
  const { failureOf } = runForEach((record) => localPlan(look, record), directory, given);
  close(directory);
  let next = 0;
  return all.map((found) => (found === plain[next] ? failureOf(next++) : undefined));
}
