/** A new time namespace and linux.timeOffsets (time_namespaces(7)). */
import { CLONE } from "../sys/constants.ts";
import { AT_FDCWD, O } from "../sys/fs.ts";
import type { InitContext } from "./context.ts";
import { writeTo } from "./write.ts";

/**
 * Makes the time namespace, sets its clocks and enters it: the offsets can be written only after unshare(2) and
 * before the first process is in it. Comes before the change of user, after which /proc/self is not our own.
 */
export function timeNamespace(x: InitContext): void {
  const { b, config } = x;
  if ((config.cloneFlags & CLONE.NEWTIME) === 0) return;
  b.at("linux.namespaces", "make a time namespace");
  b.sys("unshare", [CLONE.NEWTIME]);
  const text = Object.entries(config.spec.linux?.timeOffsets ?? {})
    .map(([clock, offset]) => `${clock} ${offset?.secs ?? 0} ${offset?.nanosecs ?? 0}\n`)
    .join("");
  if (text !== "") {
    b.at("linux.timeOffsets", `set the clocks ${text.trim().replaceAll("\n", ", ")}`);
    writeTo(x, "/proc/self/timens_offsets", text);
  }
  b.at("linux.namespaces", "enter the time namespace");
  const path = "/proc/self/ns/time_for_children";
  const fd = b.get("openat", [AT_FDCWD, b.str(path), O.RDONLY | O.CLOEXEC, 0]);
  b.sys("setns", [fd, CLONE.NEWTIME]);
  b.close(fd);
}
