/** Names of system calls by libseccomp. */
import { CString, type Pointer } from "bun:ffi";
import { libseccomp } from "../library.ts";

/** SCMP_ARCH_X32 has the machine's number, and this bit in those of its calls. */
const X86_64 = 0xc000003e;
const X32 = 0x4000003e;
const X32_BIT = 0x40000000;
/** Numbers of system calls end below, but for some of Arm's own. */
const END = 1024;
const ARM_OWN = [0x0f0000, 0x0f0010] as const;

/** The name of a call, or null. @param arch AUDIT_ARCH_* */
export function syscallOf(arch: number, nr: number): string | null {
  const token = arch === X86_64 && (nr & X32_BIT) !== 0 ? X32 : arch;
  const name = libseccomp().seccomp_syscall_resolve_num_arch(token, nr);
  return name === null ? null : new CString(name as Pointer).toString();
}

/** The names of all calls of this machine and of its 32-bit relatives that libseccomp knows, each once. */
export function syscallNames(): string[] {
  const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
  const arches =
    process.arch === "arm64"
      ? [
          [0xc00000b7, numbers(0, END)],
          [0x40000028, [...numbers(0, END), ...numbers(...ARM_OWN)]],
        ]
      : [
          [X86_64, [...numbers(0, END), ...numbers(X32_BIT, X32_BIT + END)]],
          [0x40000003, numbers(0, END)],
        ];
  const names = (arches as [number, number[]][]).flatMap(([arch, all]) =>
    all.map((nr) => syscallOf(arch, nr)),
  );
  return [...new Set(names.filter((name) => name !== null))].sort();
}
