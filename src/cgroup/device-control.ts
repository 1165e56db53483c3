/** Enforces a device filter: with v1's devices controller, or an eBPF program attached to a v2 cgroup (bpf(2)). */
import { BrunError } from "../errors.ts";
import { E, errnoName, errnoText } from "../sys/errno.ts";
import { SysError } from "../sys/error.ts";
import { addressOf, cstr, NR, syscall } from "../sys/ffi.ts";
import { close, O, open } from "../sys/fs.ts";
import { tryWriteTo } from "./access.ts";
import { deviceProgram } from "./device-program.ts";
import { type DeviceFilter, ruleText } from "./devices.ts";
import { deviceProperties } from "./systemd/properties.ts";
import { type CgroupPlan, directoryOf } from "./types.ts";
import { setProperties } from "./unit-properties.ts";

const WHERE = "linux.resources.devices";

/** Device rules cannot be enforced here: v1's controller is not mounted, or programs for v2 are refused. */
export class NoDeviceControl extends BrunError {}

/**
 * Enforces the filter from now on. Throws a BrunError or SysError, or a {@link NoDeviceControl} if no rules can be
 * enforced here.
 */
export function setDevices(plan: CgroupPlan, filter: DeviceFilter): void {
  if (plan.systemd !== undefined) setProperties(plan, plan.systemd, deviceProperties(filter));
  if (plan.version === 2) attachProgram(plan.paths[""]!, deviceProgram(filter));
  else writeLists(plan, filter);
}

function writeLists(plan: CgroupPlan, filter: DeviceFilter): void {
  const directory = directoryOf(plan, "devices");
  if (directory === undefined) {
    throw new NoDeviceControl("the host has no devices controller, so the container could use every device", {
      where: WHERE,
      hint: "mount it below /sys/fs/cgroup, or add --cgroup-manager=disabled",
    });
  }
  const write = (allow: boolean, rule: string) => {
    const file = allow ? "devices.allow" : "devices.deny";
    const result = tryWriteTo(directory, file, rule);
    if (result < 0) {
      const why = `${errnoText(-result)} (${errnoName(-result)})`;
      throw new BrunError(`cannot write "${rule}" to ${directory}/${file}: ${why}`, {
        where: WHERE,
        hint: result === -E.EPERM ? "the cgroup above does not have that access itself" : undefined,
      });
    }
  };
  write(filter.defaultAllow, "a");
  for (const exception of filter.exceptions) write(!filter.defaultAllow, ruleText(exception));
}

const BPF = { PROG_LOAD: 5, PROG_ATTACH: 8, PROG_DETACH: 9, PROG_GET_FD_BY_ID: 13, PROG_QUERY: 16 } as const;
const PROG_TYPE_CGROUP_DEVICE = 15;
const ATTACH_TYPE_CGROUP_DEVICE = 6;
const ALLOW_MULTI = 2;
const REPLACE = 4;
const ATTR_SIZE = 128;
const MAX_PROGRAMS = 64;
const INSTRUCTION_SIZE = 8;
const RLIMIT_MEMLOCK = 8;

/**
 * Attaches a program in place of those that are attached. A single one is replaced atomically (Linux 5.6); several
 * are detached afterwards.
 */
function attachProgram(directory: string, instructions: Uint8Array): void {
  const cgroup = open(directory, O.RDONLY | O.DIRECTORY);
  try {
    const program = load(instructions);
    const old = attached(cgroup);
    const replaced = old.length === 1 ? old[0]! : -1;
    const result = bpf(BPF.PROG_ATTACH, (v) => {
      v.setUint32(0, cgroup, true);
      v.setUint32(4, program, true);
      v.setUint32(8, ATTACH_TYPE_CGROUP_DEVICE, true);
      v.setUint32(12, ALLOW_MULTI | (replaced < 0 ? 0 : REPLACE), true);
      v.setUint32(16, Math.max(replaced, 0), true);
    });
    if (result < 0) throw refusal("attach", -result);
    if (replaced < 0) for (const fd of old) detach(cgroup, fd);
    for (const fd of [...old, program]) close(fd);
  } finally {
    close(cgroup);
  }
}

function load(instructions: Uint8Array): number {
  const license = cstr("Apache-2.0");
  const attempt = () =>
    bpf(BPF.PROG_LOAD, (v) => {
      v.setUint32(0, PROG_TYPE_CGROUP_DEVICE, true);
      v.setUint32(4, instructions.length / INSTRUCTION_SIZE, true);
      v.setBigUint64(8, BigInt(addressOf(instructions)), true);
      v.setBigUint64(16, BigInt(addressOf(license)), true);
    });
  let program = attempt();
  if (program === -E.EPERM) {
    // Before Linux 5.11 programs counted as locked memory.
    syscall(NR.prlimit64, 0, RLIMIT_MEMLOCK, new BigUint64Array([2n ** 64n - 1n, 2n ** 64n - 1n]), 0);
    program = attempt();
  }
  if (program < 0) throw refusal("load", -program);
  return program;
}

/**
 * Descriptors of the device programs that are attached to this cgroup itself. Programs that a security module
 * withholds are left out.
 */
function attached(cgroup: number): number[] {
  const ids = new Uint32Array(MAX_PROGRAMS);
  let count = 0;
  const result = bpf(BPF.PROG_QUERY, (v) => {
    v.setUint32(0, cgroup, true);
    v.setUint32(4, ATTACH_TYPE_CGROUP_DEVICE, true);
    v.setBigUint64(16, BigInt(addressOf(ids)), true);
    v.setUint32(24, ids.length, true);
    return () => {
      count = v.getUint32(24, true);
    };
  });
  if (result < 0) throw new SysError("list the device programs of the cgroup", -result);
  const programs: number[] = [];
  for (const id of ids.subarray(0, count)) {
    const fd = bpf(BPF.PROG_GET_FD_BY_ID, (v) => v.setUint32(0, id, true));
    if (fd >= 0) programs.push(fd);
  }
  return programs;
}

function detach(cgroup: number, program: number): void {
  bpf(BPF.PROG_DETACH, (v) => {
    v.setUint32(0, cgroup, true);
    v.setUint32(4, program, true);
    v.setUint32(8, ATTACH_TYPE_CGROUP_DEVICE, true);
  });
}

/**
 * Calls bpf(2) with an attribute that `fill` fills in. A function that `fill` returns runs afterwards. Returns the
 * result or -errno.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: most fillers have nothing to do afterwards
function bpf(command: number, fill: (attribute: DataView) => (() => void) | void): number {
  const attribute = new Uint8Array(ATTR_SIZE);
  const after = fill(new DataView(attribute.buffer));
  const result = syscall(NR.bpf, command, attribute, ATTR_SIZE);
  after?.();
  return result;
}

function refusal(what: string, errno: number): BrunError {
  const refused = errno === E.EPERM || errno === E.ENOSYS;
  return new (refused ? NoDeviceControl : BrunError)(
    `cannot ${what} the device program: ${errnoText(errno)} (${errnoName(errno)})`,
    {
      where: WHERE,
      hint: refused ? "it needs CAP_BPF or CAP_SYS_ADMIN, and a seccomp filter that allows bpf" : undefined,
    },
  );
}
