/**
 * The states and statuses of many containers. One call into the C runs a plan for all of them; the front runs the
 * same plans (list-plan.ts). Only the usual container is handled here. For any other the functions for one container are called, which also give the error:
 * loadState of store.ts and statusOf of status.ts.
 */
import { FIFO_FILE, STATE_FILE } from "../../plan/abi.ts";
import { ReadSlot, STATE_ROOM } from "../../plan/file-abi.ts";
import { type LocalFailure, localPlan, runForEach } from "../../plan/local.ts";
import { ANY, type Program } from "../../plan/program.ts";
import { RESOLVE, STATX } from "../../sys/constants.ts";
import { E } from "../../sys/errno.ts";
import { addressOf } from "../../sys/ffi.ts";
import { AT_EMPTY_PATH, close, fstat, O, S, tryOpen } from "../../sys/fs.ts";
import { each } from "../../sys/lists.ts";
import { fromUtf8, utf8, utf8Length } from "../../sys/utf8.ts";
import { F_OK, lookAt } from "./status.ts";
import type { StoredState } from "./store.ts";

/** A container with a readable state. */
export interface Found {
  readonly stored: StoredState;
  /** Who its directory belongs to, if {@link readStates} has read it. */
  readonly uid: number | undefined;
}

/** How many states are read by one call. The buffer is used again for the next ones, since new pages cost more than calls. */
const AT_ONCE = 64;

/** Size of struct open_how. */
const OPEN_HOW_SIZE = 24;

const OTHERS_WRITE = 0o022;

/** Texts as C strings for a plan. */
class Texts {
  /** Address of each text. */
  readonly addresses: number[] = [];
  /** Must live as long as the addresses are used. */
  readonly keep: Uint8Array;

  constructor(texts: readonly string[]) {
    const all = texts.map((text) => `${text}\0`).join("");
    this.keep = utf8(all);
    const ascii = this.keep.length === all.length;
    let address = addressOf(this.keep);
    each(texts, (text) => {
      this.addresses.push(address);
      address += (ascii ? text.length : utf8Length(text)) + 1;
    });
  }
}

/** Reads a state.json ({@link ReadSlot}). Its path must have no symbolic link, and it must be a regular file that `uid` owns. */
export function readPlan(uid: number, record: boolean): Program {
  return localPlan(({ b, directory, end, at }) => {
    const [file, to, length] = [b.slot(), b.slot(), b.slot()];
    const flags = O.RDONLY | O.NONBLOCK | O.NOCTTY | O.CLOEXEC;
    const words = new Uint32Array([flags, 0, 0, 0, RESOLVE.NO_SYMLINKS, 0]);
    const how = b.bytes(new Uint8Array(words.buffer), "no links");
    const status = b.reserve(STATX.SIZE, "status");
    const other = b.label();
    const otherwise = { handle: [ANY], orElse: other };
    at("readState");
    const fd = b.get("openat2", [directory, file, how, OPEN_HOW_SIZE]);
    b.sys("statx", [fd, b.str(""), AT_EMPTY_PATH, STATX.BASIC_STATS, status], otherwise);
    b.check(b.inside(status, STATX.MODE), 2, S.IFMT, S.IFREG, E.EPERM, otherwise);
    b.check(b.inside(status, STATX.UID), 4, 0xffffffff, uid, E.EPERM, otherwise);
    b.get("read", [fd, to, STATE_ROOM], { out: length, ...otherwise });
    b.sys("close", [fd], { andThen: end });
    b.mark(other);
    b.close(fd);
  }, record);
}

/** Opens a directory that `uid` owns and that nobody else may write to. Returns -1 for any other directory. */
export function openOwn(path: string, uid: number): number {
  const fd = tryOpen(path, O.RDONLY | O.DIRECTORY);
  if (fd < 0) return -1;
  const found = fstat(fd);
  if (found.uid === uid && (found.mode & OTHERS_WRITE) === 0) return fd;
  close(fd);
  return -1;
}

/** The texts of state.json, in the order of the ids. Null means that loadState has to read it. */
export function readStates(root: string, ids: readonly string[], uid: number): (string | null)[] {
  const texts: (string | null)[] = [];
  const directory = openOwn(root, uid);
  if (directory < 0) return ids.map(() => null);
  const files = new Texts(ids.map((id) => `${id}/${STATE_FILE}`));
  const plan = readPlan(uid, false);
  const buffer = new Uint8Array(STATE_ROOM * AT_ONCE);
  const to: number[] = [];
  const none: number[] = [];
  for (let i = 0; i < AT_ONCE; i++) {
    to.push(addressOf(buffer) + STATE_ROOM * i);
    none.push(-1);
  }
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const some = files.addresses.slice(from, from + AT_ONCE);
    const { slotOf } = runForEach(() => plan, directory, [some, to, none]);
    for (let i = 0; i < some.length; i++) {
      const length = slotOf(i, ReadSlot.length);
      const fits = length >= 0 && length < STATE_ROOM;
      texts.push(fits ? fromUtf8(buffer.subarray(STATE_ROOM * i, STATE_ROOM * i + length)) : null);
    }
  }
  void addressOf(files.keep);
  close(directory);
  return texts;
}

/** {@link lookAt} for a container that is not being made ({@link LookSlot}). Its directory slot is the state directory. */
export function lookPlan(record: boolean): Program {
  return localPlan((local) => {
    const { b, directory, at } = local;
    const [pid, startTime, freezer, fifo] = [b.slot(), b.slot(), b.slot(), b.slot()];
    lookAt(local, { pid, startTime, freezer }, { running: null });
    at("isCreated");
    b.sys("faccessat", [directory, fifo, F_OK]);
  }, record);
}

/** Whether {@link lookPlan} can look at a container. An older brun has not stored what tells that its cgroup is frozen. */
function isPlain({ stored, uid }: Found): boolean {
  return (
    uid !== undefined && !stored.creating && (stored.cgroup === undefined || stored.freezer !== undefined)
  );
}

/** The outcome of {@link lookPlan} for each container. Undefined means that statusOf has to look. */
export function lookAtEach(root: string, all: readonly Found[]): (LocalFailure | null | undefined)[] {
  const plain = all.filter(isPlain);
  const directory = tryOpen(root, O.RDONLY | O.DIRECTORY);
  if (directory < 0) return all.map(() => undefined);
  const fifos = new Texts(plain.map(({ stored: { id } }) => `${id}/${FIFO_FILE}`));
  const freezers = new Texts(plain.map(({ stored: { freezer } }) => freezer ?? ""));
  const { failureOf } = runForEach(lookPlan, directory, [
    plain.map(({ stored }) => stored.pid),
    plain.map(({ stored }) => Number(stored.startTime)),
    freezers.addresses,
    fifos.addresses,
  ]);
  void addressOf(fifos.keep);
  void addressOf(freezers.keep);
  close(directory);
  let next = 0;
  return all.map((found) => (found === plain[next] ? failureOf(next++) : undefined));
}
