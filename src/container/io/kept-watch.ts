/** Waking up when a kept log, or the process that writes it, has something new (inotify(7)). */
import { check } from "../../sys/error.ts";
import { cstr, NR, syscall } from "../../sys/ffi.ts";
import { O } from "../../sys/fs.ts";
import { paths, type StoredState } from "../state/store.ts";

const IN_MODIFY = 0x2;
const IN_CLOSE_WRITE = 0x8;
const IN_CREATE = 0x100;
const EVENTS_SIZE = 4096;

/** A descriptor that is readable when the log has grown or the supervisor has ended. Throws a SysError. */
export function watchKept(root: string, stored: StoredState): number {
  const fd = check(syscall(NR.inotify_init1, O.CLOEXEC | O.NONBLOCK), "watch the log");
  const watch = (path: string, events: number) =>
    check(syscall(NR.inotify_add_watch, fd, cstr(path), events), `watch ${path}`);
  watch(stored.kept!.directory, IN_MODIFY | IN_CREATE);
  // The supervisor has it open for writing, and closes it by its end.
  watch(paths(root, stored.id).exit, IN_CLOSE_WRITE);
  return fd;
}

/** Discards the events that have been reported. */
export function forgetEvents(fd: number): void {
  const buffer = new Uint8Array(EVENTS_SIZE);
  while (syscall(NR.read, fd, buffer, buffer.length) > 0);
}
