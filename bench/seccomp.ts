/** A seccomp profile of the size and shape of Docker's default one: an allow-list with some argument rules. */
import { readFileSync } from "node:fs";

/** System calls that Docker's profile does not allow to a container without special capabilities. */
const DENIED = new Set(
  (
    "acct add_key bpf clock_adjtime clock_settime clone clone3 create_module delete_module finit_module fsconfig " +
    "fsmount fsopen fspick get_kernel_syms init_module ioperm iopl kcmp kexec_file_load kexec_load keyctl " +
    "lookup_dcookie mbind mount mount_setattr move_mount move_pages name_to_handle_at nfsservctl " +
    "open_by_handle_at open_tree perf_event_open personality pivot_root process_vm_readv process_vm_writev ptrace " +
    "query_module quotactl quotactl_fd reboot request_key set_mempolicy setdomainname sethostname setns settimeofday " +
    "socket swapoff swapon sysfs _sysctl umount2 unshare uselib userfaultfd ustat vm86 vm86old"
  ).split(" "),
);

interface Rule {
  names: string[];
  action: string;
  args?: { index: number; value: number; valueTwo?: number; op: string }[];
  errnoRet?: number;
}

const allow = (names: string[], args?: Rule["args"]): Rule => ({
  names,
  action: "SCMP_ACT_ALLOW",
  ...(args === undefined ? {} : { args }),
});

/** The profile, for `linux.seccomp`. Names come from the headers of this machine. */
export function dockerLikeProfile(): object {
  const header = process.arch === "x64" ? "unistd_64.h" : "unistd.h";
  const path = [
    `/usr/include/${process.arch === "x64" ? "x86_64" : "aarch64"}-linux-gnu/asm/${header}`,
    `/usr/include/asm/${header}`,
  ].find((candidate) => Bun.file(candidate).size > 0);
  if (path === undefined) throw new Error("no kernel headers: apt-get install linux-libc-dev");
  const names = [...readFileSync(path, "utf8").matchAll(/__NR_(\w+)/g)].map((match) => match[1]!);
  const CLONE_NEW = 0x7e020000;
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 1,
    architectures:
      process.arch === "x64"
        ? ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
        : ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
    syscalls: [
      allow([...new Set(names)].filter((name) => !DENIED.has(name))),
      allow(["socket"], [{ index: 0, value: 40, op: "SCMP_CMP_NE" }]),
      ...[0x0, 0x8, 0x20000, 0x20008, 0xffffffff].map((value) =>
        allow(["personality"], [{ index: 0, value, op: "SCMP_CMP_EQ" }]),
      ),
      allow(["clone"], [{ index: 0, value: CLONE_NEW, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }]),
      { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
    ],
  };
}
