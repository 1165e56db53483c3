/**
 * Mount options of the host's cgroup v2. CRIU mounts it without options, which removes them from the whole
 * hierarchy.
 */
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { close, readText } from "../sys/fs.ts";

/** The options in a mountinfo text, such as "nsdelegate"; empty if cgroup v2 is not mounted. */
export function cgroupOptions(mountInfo = readText("/proc/self/mountinfo")): string[] {
  const line = mountInfo.split("\n").find((text) => text.includes(" - cgroup2 "));
  const options = line?.slice(line.lastIndexOf(" ") + 1).split(",") ?? [];
  return options.filter((option) => option !== "rw" && option !== "ro");
}

const FSOPEN_CLOEXEC = 1;
const FSCONFIG_SET_FLAG = 0;
const FSCONFIG_CMD_CREATE = 6;

/**
 * Restores the options of the hierarchy, as far as the caller may. Creating a mount sets them; it need not be
 * attached.
 */
export function keepCgroupOptions(options: readonly string[]): void {
  const left = cgroupOptions();
  if (options.every((option) => left.includes(option))) return;
  const context = syscall(NR.fsopen, cstr("cgroup2"), FSOPEN_CLOEXEC);
  if (context < 0) return;
  for (const option of options) syscall(NR.fsconfig, context, FSCONFIG_SET_FLAG, cstr(option), null, 0);
  syscall(NR.fsconfig, context, FSCONFIG_CMD_CREATE, null, null, 0);
  close(context);
}
