/** A new time namespace and linux.timeOffsets (time_namespaces(7)). */
import { CLONE } from "../sys/constants.ts";
import { AT_FDCWD, O } from "../sys/fs.ts";
import { any } from "../sys/lists.ts";
import { utf8Length } from "../sys/utf8.ts";
import type { InitContext } from "./context.ts";
import { writeTo } from "./write.ts";

/**
 * Makes the time namespace, sets its clocks and enters it. The offsets can be written only after unshare(2), and
 * before the first process is in the namespace. Comes before the change of user, after which the process may not
 * write its own /proc/self.
 */
export function timeNamespace(x: InitContext): void {
  const { b, config } = x;
  if ((config.cloneFlags & CLONE.NEWTIME) === 0 || joinsUser(x)) return;
  b.at("linux.namespaces", { kind: "makeTimeNamespace" });
  b.sys("unshare", [CLONE.NEWTIME]);
  const text = offsets(x);
  if (text !== "") {
    b.at("linux.timeOffsets", { kind: "setClocks", value: text.trim().replaceAll("\n", ", ") });
    writeTo(x, "/proc/self/timens_offsets", text);
  }
  b.at("linux.namespaces", { kind: "enterTimeNamespace" });
  const path = "/proc/self/ns/time_for_children";
  const fd = b.get("openat", [AT_FDCWD, b.str(path), O.RDONLY | O.CLOEXEC, 0]);
  b.sys("setns", [fd, CLONE.NEWTIME]);
  b.close(fd);
}

/**
 * Makes the time namespace of a container that joins a user namespace. After joining another user's namespace the
 * process is not dumpable, and cannot open its own files in /proc any more. So this opens them before, and the
 * returned function does the rest after joining. The next clone is the first process in the namespace.
 */
export function timeOfJoinedUser(x: InitContext): () => void {
  const { b, config } = x;
  if ((config.cloneFlags & CLONE.NEWTIME) === 0) return () => undefined;
  const text = offsets(x);
  b.at("linux.timeOffsets", { kind: "openClocks" });
  const file = b.str("/proc/self/timens_offsets");
  const fd = text === "" ? null : b.get("openat", [AT_FDCWD, file, O.WRONLY | O.CLOEXEC, 0]);
  return () => {
    b.at("linux.namespaces", { kind: "makeTimeNamespace" });
    b.sys("unshare", [CLONE.NEWTIME]);
    if (fd === null) return;
    b.at("linux.timeOffsets", { kind: "setClocks", value: text.trim().replaceAll("\n", ", ") });
    b.sys("write", [fd, b.str(text), utf8Length(text)]);
    b.close(fd);
  };
}

function joinsUser(x: InitContext): boolean {
  return any(x.config.joins, (join) => join.flag === CLONE.NEWUSER);
}

/** linux.timeOffsets in the kernel's format; "" without any. */
function offsets(x: InitContext): string {
  return Object.entries(x.config.spec.linux?.timeOffsets ?? {})
    .map(([clock, offset]) => `${clock} ${offset?.secs ?? 0} ${offset?.nanosecs ?? 0}\n`)
    .join("");
}
