/** Names of system calls, from libseccomp. */
import { CString, type Pointer } from "bun:ffi";
import { TOKEN, X32_SYSCALL_BIT } from "../enosys.ts";
import { libseccomp } from "../library.ts";

const AUDIT_ARCH_AARCH64 = 0xc00000b7;
/** All numbers of system calls are below this, except some of Arm's own. */
const END = 1024;
const ARM_OWN = [0x0f0000, 0x0f0010] as const;

/**
 * The name of a system call, or null.
 * @param arch AUDIT_ARCH_*
 */
export function syscallOf(arch: number, nr: number): string | null {
  // System calls of x32 have the same AUDIT_ARCH as those of x86-64, and this bit in their numbers.
  const token = arch === TOKEN.X86_64 && (nr & X32_SYSCALL_BIT) !== 0 ? TOKEN.X32 : arch;
  const name = libseccomp().seccomp_syscall_resolve_num_arch(token, nr);
  return name === null ? null : new CString(name as Pointer).toString();
}

/** The names of all system calls of this machine and of its 32-bit relatives that libseccomp knows, each once. */
export function syscallNames(): string[] {
  const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
  const arches =
    process.arch === "arm64"
      ? [
          [AUDIT_ARCH_AARCH64, numbers(0, END)],
          [TOKEN.ARM, [...numbers(0, END), ...numbers(...ARM_OWN)]],
        ]
      : [
          [TOKEN.X86_64, [...numbers(0, END), ...numbers(X32_SYSCALL_BIT, X32_SYSCALL_BIT + END)]],
          [TOKEN.X86, numbers(0, END)],
        ];
  const names = (arches as [number, number[]][]).flatMap(([arch, all]) =>
    all.map((nr) => syscallOf(arch, nr)),
  );
  return [...new Set(names.filter((name) => name !== null))].sort();
}
