// biome-ignore-all format: generated
/**
 * Whether a value parsed from JSON has the types of a config. Made from the valibot schemas by fits.write.ts; do
 * not edit. Each function changes the value in place: null in an optional field becomes undefined, an absent field
 * with a default gets it. Unknown fields stay. An integer that JSON.parse did not read exactly does not fit.
 */
import { absent, isInt64, isInteger, isList, isMap, isObject, isString, isStrings, isUint64 } from "./fits.ts";

function fitsConsoleSize(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (!isInteger(x.height, 0, 65535)) return false;
  if (!isInteger(x.width, 0, 65535)) return false;
  return true;
}

function fitsAdditionalGid(x: unknown): boolean {
  return isInteger(x, 0, 4294967294);
}

function fitsUser(x: unknown): boolean {
  if (!isObject(x)) return false;
  x.uid ??= 0;
  if (!isInteger(x.uid, 0, 4294967294)) return false;
  x.gid ??= 0;
  if (!isInteger(x.gid, 0, 4294967294)) return false;
  if (x.umask !== undefined && !isInteger(x.umask, 0, 4294967295) && !absent(x, "umask")) return false;
  if (x.additionalGids !== undefined && !isList(x.additionalGids, fitsAdditionalGid) && !absent(x, "additionalGids")) return false;
  if (x.username !== undefined && typeof x.username !== "string" && !absent(x, "username")) return false;
  return true;
}

function fitsCapabilities(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (x.bounding !== undefined && !isStrings(x.bounding) && !absent(x, "bounding")) return false;
  if (x.effective !== undefined && !isStrings(x.effective) && !absent(x, "effective")) return false;
  if (x.inheritable !== undefined && !isStrings(x.inheritable) && !absent(x, "inheritable")) return false;
  if (x.permitted !== undefined && !isStrings(x.permitted) && !absent(x, "permitted")) return false;
  if (x.ambient !== undefined && !isStrings(x.ambient) && !absent(x, "ambient")) return false;
  return true;
}

function fitsType(x: unknown): boolean {
  return (
    x === "RLIMIT_CPU" ||
    x === "RLIMIT_FSIZE" ||
    x === "RLIMIT_DATA" ||
    x === "RLIMIT_STACK" ||
    x === "RLIMIT_CORE" ||
    x === "RLIMIT_RSS" ||
    x === "RLIMIT_NPROC" ||
    x === "RLIMIT_NOFILE" ||
    x === "RLIMIT_MEMLOCK" ||
    x === "RLIMIT_AS" ||
    x === "RLIMIT_LOCKS" ||
    x === "RLIMIT_SIGPENDING" ||
    x === "RLIMIT_MSGQUEUE" ||
    x === "RLIMIT_NICE" ||
    x === "RLIMIT_RTPRIO" ||
    x === "RLIMIT_RTTIME"
  );
}

function fitsRlimit(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (!fitsType(x.type)) return false;
  if (!isUint64(x.hard)) return false;
  if (!isUint64(x.soft)) return false;
  return true;
}

function fitsPolicy(x: unknown): boolean {
  return (
    x === "SCHED_OTHER" ||
    x === "SCHED_FIFO" ||
    x === "SCHED_RR" ||
    x === "SCHED_BATCH" ||
    x === "SCHED_ISO" ||
    x === "SCHED_IDLE" ||
    x === "SCHED_DEADLINE"
  );
}

function fitsFlag(x: unknown): boolean {
  return (
    x === "SCHED_FLAG_RESET_ON_FORK" ||
    x === "SCHED_FLAG_RECLAIM" ||
    x === "SCHED_FLAG_DL_OVERRUN" ||
    x === "SCHED_FLAG_KEEP_POLICY" ||
    x === "SCHED_FLAG_KEEP_PARAMS" ||
    x === "SCHED_FLAG_UTIL_CLAMP_MIN" ||
    x === "SCHED_FLAG_UTIL_CLAMP_MAX"
  );
}

function fitsScheduler(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (!fitsPolicy(x.policy)) return false;
  if (x.nice !== undefined && !isInteger(x.nice, -2147483648, 2147483647) && !absent(x, "nice")) return false;
  if (x.priority !== undefined && !isInteger(x.priority, -2147483648, 2147483647) && !absent(x, "priority")) return false;
  if (x.flags !== undefined && !isList(x.flags, fitsFlag) && !absent(x, "flags")) return false;
  if (x.runtime !== undefined && !isUint64(x.runtime) && !absent(x, "runtime")) return false;
  if (x.deadline !== undefined && !isUint64(x.deadline) && !absent(x, "deadline")) return false;
  if (x.period !== undefined && !isUint64(x.period) && !absent(x, "period")) return false;
  return true;
}

function fitsClass(x: unknown): boolean {
  return (
    x === "IOPRIO_CLASS_RT" ||
    x === "IOPRIO_CLASS_BE" ||
    x === "IOPRIO_CLASS_IDLE"
  );
}

function fitsIoPriority(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (!fitsClass(x.class)) return false;
  x.priority ??= 0;
  if (!isInteger(x.priority, 0, 7)) return false;
  return true;
}

function fitsExecCPUAffinity(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (x.initial !== undefined && typeof x.initial !== "string" && !absent(x, "initial")) return false;
  if (x.final !== undefined && typeof x.final !== "string" && !absent(x, "final")) return false;
  return true;
}

export function fitsProcess(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (x.terminal !== undefined && typeof x.terminal !== "boolean" && !absent(x, "terminal")) return false;
  if (x.consoleSize !== undefined && !fitsConsoleSize(x.consoleSize) && !absent(x, "consoleSize")) return false;
  x.user ??= {};
  if (!fitsUser(x.user)) return false;
  if (x.args !== undefined && !isStrings(x.args) && !absent(x, "args")) return false;
  if (x.commandLine !== undefined && typeof x.commandLine !== "string" && !absent(x, "commandLine")) return false;
  if (x.env !== undefined && !isStrings(x.env) && !absent(x, "env")) return false;
  if (typeof x.cwd !== "string") return false;
  if (x.capabilities !== undefined && !fitsCapabilities(x.capabilities) && !absent(x, "capabilities")) return false;
  if (x.rlimits !== undefined && !isList(x.rlimits, fitsRlimit) && !absent(x, "rlimits")) return false;
  if (x.noNewPrivileges !== undefined && typeof x.noNewPrivileges !== "boolean" && !absent(x, "noNewPrivileges")) return false;
  if (x.apparmorProfile !== undefined && typeof x.apparmorProfile !== "string" && !absent(x, "apparmorProfile")) return false;
  if (x.oomScoreAdj !== undefined && !isInteger(x.oomScoreAdj, -1000, 1000) && !absent(x, "oomScoreAdj")) return false;
  if (x.scheduler !== undefined && !fitsScheduler(x.scheduler) && !absent(x, "scheduler")) return false;
  if (x.selinuxLabel !== undefined && typeof x.selinuxLabel !== "string" && !absent(x, "selinuxLabel")) return false;
  if (x.ioPriority !== undefined && !fitsIoPriority(x.ioPriority) && !absent(x, "ioPriority")) return false;
  if (x.execCPUAffinity !== undefined && !fitsExecCPUAffinity(x.execCPUAffinity) && !absent(x, "execCPUAffinity")) return false;
  return true;
}

function fitsRoot(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (typeof x.path !== "string") return false;
  if (x.readonly !== undefined && typeof x.readonly !== "boolean" && !absent(x, "readonly")) return false;
  return true;
}

function fitsUidMapping(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (!isInteger(x.containerID, 0, 4294967295)) return false;
  if (!isInteger(x.hostID, 0, 4294967295)) return false;
  if (!isInteger(x.size, 0, 4294967295)) return false;
  return true;
}

function fitsMount(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (typeof x.destination !== "string") return false;
  if (x.type !== undefined && typeof x.type !== "string" && !absent(x, "type")) return false;
  if (x.source !== undefined && typeof x.source !== "string" && !absent(x, "source")) return false;
  if (x.options !== undefined && !isStrings(x.options) && !absent(x, "options")) return false;
  if (x.uidMappings !== undefined && !isList(x.uidMappings, fitsUidMapping) && !absent(x, "uidMappings")) return false;
  if (x.gidMappings !== undefined && !isList(x.gidMappings, fitsUidMapping) && !absent(x, "gidMappings")) return false;
  return true;
}

function fitsPrestart(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (typeof x.path !== "string") return false;
  if (x.args !== undefined && !isStrings(x.args) && !absent(x, "args")) return false;
  if (x.env !== undefined && !isStrings(x.env) && !absent(x, "env")) return false;
  if (x.timeout !== undefined && !isInteger(x.timeout, 1, 9007199254740991) && !absent(x, "timeout")) return false;
  return true;
}

function fitsHooks(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (x.prestart !== undefined && !isList(x.prestart, fitsPrestart) && !absent(x, "prestart")) return false;
  if (x.createRuntime !== undefined && !isList(x.createRuntime, fitsPrestart) && !absent(x, "createRuntime")) return false;
  if (x.createContainer !== undefined && !isList(x.createContainer, fitsPrestart) && !absent(x, "createContainer")) return false;
  if (x.startContainer !== undefined && !isList(x.startContainer, fitsPrestart) && !absent(x, "startContainer")) return false;
  if (x.poststart !== undefined && !isList(x.poststart, fitsPrestart) && !absent(x, "poststart")) return false;
  if (x.poststop !== undefined && !isList(x.poststop, fitsPrestart) && !absent(x, "poststop")) return false;
  return true;
}

function fitsType2(x: unknown): boolean {
  return (
    x === "" ||
    x === "a" ||
    x === "c" ||
    x === "b"
  );
}

function fitsDevice(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (typeof x.allow !== "boolean") return false;
  if (x.type !== undefined && !fitsType2(x.type) && !absent(x, "type")) return false;
  if (x.major !== undefined && !isInteger(x.major, -1, 4294967295) && !absent(x, "major")) return false;
  if (x.minor !== undefined && !isInteger(x.minor, -1, 4294967295) && !absent(x, "minor")) return false;
  if (x.access !== undefined && typeof x.access !== "string" && !absent(x, "access")) return false;
  return true;
}

function fitsMemory(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (x.limit !== undefined && !isInt64(x.limit) && !absent(x, "limit")) return false;
  if (x.reservation !== undefined && !isInt64(x.reservation) && !absent(x, "reservation")) return false;
  if (x.swap !== undefined && !isInt64(x.swap) && !absent(x, "swap")) return false;
  if (x.kernel !== undefined && !isInt64(x.kernel) && !absent(x, "kernel")) return false;
  if (x.kernelTCP !== undefined && !isInt64(x.kernelTCP) && !absent(x, "kernelTCP")) return false;
  if (x.swappiness !== undefined && !isUint64(x.swappiness) && !absent(x, "swappiness")) return false;
  if (x.disableOOMKiller !== undefined && typeof x.disableOOMKiller !== "boolean" && !absent(x, "disableOOMKiller")) return false;
  if (x.useHierarchy !== undefined && typeof x.useHierarchy !== "boolean" && !absent(x, "useHierarchy")) return false;
  if (x.checkBeforeUpdate !== undefined && typeof x.checkBeforeUpdate !== "boolean" && !absent(x, "checkBeforeUpdate")) return false;
  return true;
}

function fitsCpu(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (x.shares !== undefined && !isUint64(x.shares) && !absent(x, "shares")) return false;
  if (x.quota !== undefined && !isInt64(x.quota) && !absent(x, "quota")) return false;
  if (x.burst !== undefined && !isUint64(x.burst) && !absent(x, "burst")) return false;
  if (x.period !== undefined && !isUint64(x.period) && !absent(x, "period")) return false;
  if (x.realtimeRuntime !== undefined && !isInt64(x.realtimeRuntime) && !absent(x, "realtimeRuntime")) return false;
  if (x.realtimePeriod !== undefined && !isUint64(x.realtimePeriod) && !absent(x, "realtimePeriod")) return false;
  if (x.cpus !== undefined && typeof x.cpus !== "string" && !absent(x, "cpus")) return false;
  if (x.mems !== undefined && typeof x.mems !== "string" && !absent(x, "mems")) return false;
  if (x.idle !== undefined && !isInt64(x.idle) && !absent(x, "idle")) return false;
  return true;
}

function fitsPids(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (x.limit !== undefined && !isInt64(x.limit) && !absent(x, "limit")) return false;
  return true;
}

function fitsWeightDevice(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (!isInteger(x.major, 0, 4294967295)) return false;
  if (!isInteger(x.minor, 0, 4294967295)) return false;
  if (x.weight !== undefined && !isInteger(x.weight, 0, 65535) && !absent(x, "weight")) return false;
  if (x.leafWeight !== undefined && !isInteger(x.leafWeight, 0, 65535) && !absent(x, "leafWeight")) return false;
  return true;
}

function fitsThrottleReadBpsDevice(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (!isInteger(x.major, 0, 4294967295)) return false;
  if (!isInteger(x.minor, 0, 4294967295)) return false;
  if (!isUint64(x.rate)) return false;
  return true;
}

function fitsBlockIO(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (x.weight !== undefined && !isInteger(x.weight, 0, 65535) && !absent(x, "weight")) return false;
  if (x.leafWeight !== undefined && !isInteger(x.leafWeight, 0, 65535) && !absent(x, "leafWeight")) return false;
  if (x.weightDevice !== undefined && !isList(x.weightDevice, fitsWeightDevice) && !absent(x, "weightDevice")) return false;
  if (x.throttleReadBpsDevice !== undefined && !isList(x.throttleReadBpsDevice, fitsThrottleReadBpsDevice) && !absent(x, "throttleReadBpsDevice")) return false;
  if (x.throttleWriteBpsDevice !== undefined && !isList(x.throttleWriteBpsDevice, fitsThrottleReadBpsDevice) && !absent(x, "throttleWriteBpsDevice")) return false;
  if (x.throttleReadIOPSDevice !== undefined && !isList(x.throttleReadIOPSDevice, fitsThrottleReadBpsDevice) && !absent(x, "throttleReadIOPSDevice")) return false;
  if (x.throttleWriteIOPSDevice !== undefined && !isList(x.throttleWriteIOPSDevice, fitsThrottleReadBpsDevice) && !absent(x, "throttleWriteIOPSDevice")) return false;
  return true;
}

function fitsHugepageLimit(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (typeof x.pageSize !== "string") return false;
  if (!isUint64(x.limit)) return false;
  return true;
}

function fitsPriority(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (typeof x.name !== "string") return false;
  if (!isInteger(x.priority, 0, 4294967295)) return false;
  return true;
}

function fitsNetwork(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (x.classID !== undefined && !isInteger(x.classID, 0, 4294967295) && !absent(x, "classID")) return false;
  if (x.priorities !== undefined && !isList(x.priorities, fitsPriority) && !absent(x, "priorities")) return false;
  return true;
}

function fitsRdmaValue(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (x.hcaHandles !== undefined && !isInteger(x.hcaHandles, 0, 4294967295) && !absent(x, "hcaHandles")) return false;
  if (x.hcaObjects !== undefined && !isInteger(x.hcaObjects, 0, 4294967295) && !absent(x, "hcaObjects")) return false;
  return true;
}

function fitsResources(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (x.devices !== undefined && !isList(x.devices, fitsDevice) && !absent(x, "devices")) return false;
  if (x.memory !== undefined && !fitsMemory(x.memory) && !absent(x, "memory")) return false;
  if (x.cpu !== undefined && !fitsCpu(x.cpu) && !absent(x, "cpu")) return false;
  if (x.pids !== undefined && !fitsPids(x.pids) && !absent(x, "pids")) return false;
  if (x.blockIO !== undefined && !fitsBlockIO(x.blockIO) && !absent(x, "blockIO")) return false;
  if (x.hugepageLimits !== undefined && !isList(x.hugepageLimits, fitsHugepageLimit) && !absent(x, "hugepageLimits")) return false;
  if (x.network !== undefined && !fitsNetwork(x.network) && !absent(x, "network")) return false;
  if (x.rdma !== undefined && !isMap(x.rdma, fitsRdmaValue) && !absent(x, "rdma")) return false;
  if (x.unified !== undefined && !isMap(x.unified, isString) && !absent(x, "unified")) return false;
  return true;
}

function fitsType3(x: unknown): boolean {
  return (
    x === "pid" ||
    x === "network" ||
    x === "mount" ||
    x === "ipc" ||
    x === "uts" ||
    x === "user" ||
    x === "cgroup" ||
    x === "time"
  );
}

function fitsNamespace(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (!fitsType3(x.type)) return false;
  if (x.path !== undefined && typeof x.path !== "string" && !absent(x, "path")) return false;
  return true;
}

function fitsType4(x: unknown): boolean {
  return (
    x === "c" ||
    x === "b" ||
    x === "u" ||
    x === "p"
  );
}

function fitsDevice2(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (typeof x.path !== "string") return false;
  if (!fitsType4(x.type)) return false;
  x.major ??= 0;
  if (!isInteger(x.major, 0, 4294967295)) return false;
  x.minor ??= 0;
  if (!isInteger(x.minor, 0, 4294967295)) return false;
  if (x.fileMode !== undefined && !isInteger(x.fileMode, 0, 4294967295) && !absent(x, "fileMode")) return false;
  if (x.uid !== undefined && !isInteger(x.uid, 0, 4294967294) && !absent(x, "uid")) return false;
  if (x.gid !== undefined && !isInteger(x.gid, 0, 4294967294) && !absent(x, "gid")) return false;
  return true;
}

function fitsNetDevicesValue(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (x.name !== undefined && typeof x.name !== "string" && !absent(x, "name")) return false;
  return true;
}

function fitsDefaultAction(x: unknown): boolean {
  return (
    x === "SCMP_ACT_KILL" ||
    x === "SCMP_ACT_KILL_PROCESS" ||
    x === "SCMP_ACT_KILL_THREAD" ||
    x === "SCMP_ACT_TRAP" ||
    x === "SCMP_ACT_ERRNO" ||
    x === "SCMP_ACT_TRACE" ||
    x === "SCMP_ACT_ALLOW" ||
    x === "SCMP_ACT_LOG" ||
    x === "SCMP_ACT_NOTIFY"
  );
}

function fitsArchitecture(x: unknown): boolean {
  return (
    x === "SCMP_ARCH_X86" ||
    x === "SCMP_ARCH_X86_64" ||
    x === "SCMP_ARCH_X32" ||
    x === "SCMP_ARCH_ARM" ||
    x === "SCMP_ARCH_AARCH64" ||
    x === "SCMP_ARCH_MIPS" ||
    x === "SCMP_ARCH_MIPS64" ||
    x === "SCMP_ARCH_MIPS64N32" ||
    x === "SCMP_ARCH_MIPSEL" ||
    x === "SCMP_ARCH_MIPSEL64" ||
    x === "SCMP_ARCH_MIPSEL64N32" ||
    x === "SCMP_ARCH_PPC" ||
    x === "SCMP_ARCH_PPC64" ||
    x === "SCMP_ARCH_PPC64LE" ||
    x === "SCMP_ARCH_S390" ||
    x === "SCMP_ARCH_S390X" ||
    x === "SCMP_ARCH_PARISC" ||
    x === "SCMP_ARCH_PARISC64" ||
    x === "SCMP_ARCH_RISCV64" ||
    x === "SCMP_ARCH_LOONGARCH64" ||
    x === "SCMP_ARCH_M68K" ||
    x === "SCMP_ARCH_SH" ||
    x === "SCMP_ARCH_SHEB"
  );
}

function fitsFlag2(x: unknown): boolean {
  return (
    x === "SECCOMP_FILTER_FLAG_TSYNC" ||
    x === "SECCOMP_FILTER_FLAG_LOG" ||
    x === "SECCOMP_FILTER_FLAG_SPEC_ALLOW" ||
    x === "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"
  );
}

function fitsOp(x: unknown): boolean {
  return (
    x === "SCMP_CMP_NE" ||
    x === "SCMP_CMP_LT" ||
    x === "SCMP_CMP_LE" ||
    x === "SCMP_CMP_EQ" ||
    x === "SCMP_CMP_GE" ||
    x === "SCMP_CMP_GT" ||
    x === "SCMP_CMP_MASKED_EQ"
  );
}

function fitsArg(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (!isInteger(x.index, 0, 5)) return false;
  if (!isUint64(x.value)) return false;
  if (x.valueTwo !== undefined && !isUint64(x.valueTwo) && !absent(x, "valueTwo")) return false;
  if (!fitsOp(x.op)) return false;
  return true;
}

function fitsSyscall(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (!isStrings(x.names)) return false;
  if (!fitsDefaultAction(x.action)) return false;
  if (x.errnoRet !== undefined && !isInteger(x.errnoRet, 0, 65535) && !absent(x, "errnoRet")) return false;
  if (x.args !== undefined && !isList(x.args, fitsArg) && !absent(x, "args")) return false;
  return true;
}

function fitsSeccomp(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (!fitsDefaultAction(x.defaultAction)) return false;
  if (x.defaultErrnoRet !== undefined && !isInteger(x.defaultErrnoRet, 0, 65535) && !absent(x, "defaultErrnoRet")) return false;
  if (x.architectures !== undefined && !isList(x.architectures, fitsArchitecture) && !absent(x, "architectures")) return false;
  if (x.flags !== undefined && !isList(x.flags, fitsFlag2) && !absent(x, "flags")) return false;
  if (x.listenerPath !== undefined && typeof x.listenerPath !== "string" && !absent(x, "listenerPath")) return false;
  if (x.listenerMetadata !== undefined && typeof x.listenerMetadata !== "string" && !absent(x, "listenerMetadata")) return false;
  if (x.syscalls !== undefined && !isList(x.syscalls, fitsSyscall) && !absent(x, "syscalls")) return false;
  return true;
}

function fitsRootfsPropagation(x: unknown): boolean {
  return (
    x === "" ||
    x === "shared" ||
    x === "slave" ||
    x === "private" ||
    x === "unbindable" ||
    x === "rshared" ||
    x === "rslave" ||
    x === "rprivate" ||
    x === "runbindable"
  );
}

function fitsIntelRdt(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (x.closID !== undefined && typeof x.closID !== "string" && !absent(x, "closID")) return false;
  if (x.schemata !== undefined && !isStrings(x.schemata) && !absent(x, "schemata")) return false;
  if (x.l3CacheSchema !== undefined && typeof x.l3CacheSchema !== "string" && !absent(x, "l3CacheSchema")) return false;
  if (x.memBwSchema !== undefined && typeof x.memBwSchema !== "string" && !absent(x, "memBwSchema")) return false;
  if (x.enableMonitoring !== undefined && typeof x.enableMonitoring !== "boolean" && !absent(x, "enableMonitoring")) return false;
  if (x.enableCMT !== undefined && typeof x.enableCMT !== "boolean" && !absent(x, "enableCMT")) return false;
  if (x.enableMBM !== undefined && typeof x.enableMBM !== "boolean" && !absent(x, "enableMBM")) return false;
  return true;
}

function fitsMode(x: unknown): boolean {
  return (
    x === "MPOL_DEFAULT" ||
    x === "MPOL_BIND" ||
    x === "MPOL_INTERLEAVE" ||
    x === "MPOL_WEIGHTED_INTERLEAVE" ||
    x === "MPOL_PREFERRED" ||
    x === "MPOL_PREFERRED_MANY" ||
    x === "MPOL_LOCAL"
  );
}

function fitsFlag3(x: unknown): boolean {
  return (
    x === "MPOL_F_NUMA_BALANCING" ||
    x === "MPOL_F_RELATIVE_NODES" ||
    x === "MPOL_F_STATIC_NODES"
  );
}

function fitsMemoryPolicy(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (!fitsMode(x.mode)) return false;
  if (x.nodes !== undefined && typeof x.nodes !== "string" && !absent(x, "nodes")) return false;
  if (x.flags !== undefined && !isList(x.flags, fitsFlag3) && !absent(x, "flags")) return false;
  return true;
}

function fitsDomain(x: unknown): boolean {
  return (
    x === "LINUX" ||
    x === "LINUX32"
  );
}

function fitsPersonality(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (!fitsDomain(x.domain)) return false;
  if (x.flags !== undefined && !isStrings(x.flags) && !absent(x, "flags")) return false;
  return true;
}

function fitsMonotonic(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (x.secs !== undefined && !isInt64(x.secs) && !absent(x, "secs")) return false;
  if (x.nanosecs !== undefined && !isInteger(x.nanosecs, 0, 4294967295) && !absent(x, "nanosecs")) return false;
  return true;
}

function fitsTimeOffsets(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (x.monotonic !== undefined && !fitsMonotonic(x.monotonic) && !absent(x, "monotonic")) return false;
  if (x.boottime !== undefined && !fitsMonotonic(x.boottime) && !absent(x, "boottime")) return false;
  return true;
}

function fitsLinux(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (x.uidMappings !== undefined && !isList(x.uidMappings, fitsUidMapping) && !absent(x, "uidMappings")) return false;
  if (x.gidMappings !== undefined && !isList(x.gidMappings, fitsUidMapping) && !absent(x, "gidMappings")) return false;
  if (x.sysctl !== undefined && !isMap(x.sysctl, isString) && !absent(x, "sysctl")) return false;
  if (x.resources !== undefined && !fitsResources(x.resources) && !absent(x, "resources")) return false;
  if (x.cgroupsPath !== undefined && typeof x.cgroupsPath !== "string" && !absent(x, "cgroupsPath")) return false;
  if (x.namespaces !== undefined && !isList(x.namespaces, fitsNamespace) && !absent(x, "namespaces")) return false;
  if (x.devices !== undefined && !isList(x.devices, fitsDevice2) && !absent(x, "devices")) return false;
  if (x.netDevices !== undefined && !isMap(x.netDevices, fitsNetDevicesValue) && !absent(x, "netDevices")) return false;
  if (x.seccomp !== undefined && !fitsSeccomp(x.seccomp) && !absent(x, "seccomp")) return false;
  if (x.rootfsPropagation !== undefined && !fitsRootfsPropagation(x.rootfsPropagation) && !absent(x, "rootfsPropagation")) return false;
  if (x.maskedPaths !== undefined && !isStrings(x.maskedPaths) && !absent(x, "maskedPaths")) return false;
  if (x.readonlyPaths !== undefined && !isStrings(x.readonlyPaths) && !absent(x, "readonlyPaths")) return false;
  if (x.mountLabel !== undefined && typeof x.mountLabel !== "string" && !absent(x, "mountLabel")) return false;
  if (x.intelRdt !== undefined && !fitsIntelRdt(x.intelRdt) && !absent(x, "intelRdt")) return false;
  if (x.memoryPolicy !== undefined && !fitsMemoryPolicy(x.memoryPolicy) && !absent(x, "memoryPolicy")) return false;
  if (x.personality !== undefined && !fitsPersonality(x.personality) && !absent(x, "personality")) return false;
  if (x.timeOffsets !== undefined && !fitsTimeOffsets(x.timeOffsets) && !absent(x, "timeOffsets")) return false;
  return true;
}

export function fitsSpec(x: unknown): boolean {
  if (!isObject(x)) return false;
  if (typeof x.ociVersion !== "string") return false;
  if (!fitsProcess(x.process)) return false;
  if (!fitsRoot(x.root)) return false;
  if (x.hostname !== undefined && typeof x.hostname !== "string" && !absent(x, "hostname")) return false;
  if (x.domainname !== undefined && typeof x.domainname !== "string" && !absent(x, "domainname")) return false;
  if (x.mounts !== undefined && !isList(x.mounts, fitsMount) && !absent(x, "mounts")) return false;
  if (x.hooks !== undefined && !fitsHooks(x.hooks) && !absent(x, "hooks")) return false;
  if (x.annotations !== undefined && !isMap(x.annotations, isString) && !absent(x, "annotations")) return false;
  x.linux ??= {};
  if (!fitsLinux(x.linux)) return false;
  return true;
}
