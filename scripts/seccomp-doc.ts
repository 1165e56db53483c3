/** Writes docs/seccomp.md from the table of the default filter: `bun scripts/seccomp-doc.ts`. */
import { writeFileSync } from "node:fs";
import { callsOf } from "../src/sandbox/seccomp.ts";
import {
  ALLOWED,
  type CallGroup,
  NEEDS_OTHER_IDS,
  NESTING,
  PERSONALITIES,
  REFUSED_FAMILIES,
  WITH_CAPABILITY,
} from "../src/sandbox/seccomp-table.ts";
import { UNRECORDED } from "../src/seccomp/record/profile.ts";

const WIDTH = 120;

/** Words in lines of at most WIDTH characters. */
function lines(words: readonly string[]): string {
  const result: string[] = [];
  for (const word of words) {
    const last = result.at(-1);
    if (last !== undefined && last.length + word.length < WIDTH)
      result[result.length - 1] = `${last} ${word}`;
    else result.push(word);
  }
  return result.join("\n");
}

const group = ({ title, calls }: CallGroup, extra = "") =>
  `**${title}**${extra}\n\n${lines(callsOf(calls).map((name) => `\`${name}\``))}\n`;

/** The page. */
export function seccompDoc(): string {
  return `# The default filter of system calls

This page describes the seccomp filter of containers without a bundle ([sandbox.md](sandbox.md)). Like the filters of docker
and podman, it allows the system calls that programs use, and refuses those that reach outside the container.
\`--security-opt seccomp=FILE\` replaces it by a profile in the form of \`linux.seccomp\` in config.json, and
\`seccomp=unconfined\` removes it. Containers of a bundle have the filter of their \`linux.seccomp\`, or none. \`brun run
--print-config\` prints this filter.

A call that is not allowed fails with EPERM. A call that is newer than libseccomp fails with ENOSYS, so that programs use
an older one. The filter covers the machine's architecture and its 32-bit relatives. scripts/seccomp-doc.ts makes this page
from src/sandbox/seccomp-table.ts.

## Compared with other filters

The filter was compared on 2026-11-30 with the default profiles of moby (moby/profiles at cd3bed8, of 2026-06-30) and containerd
(301026e, of 2026-08-22), which have the same rules.

- This filter allows all that they allow on x86 and Arm, except \`socketcall\` and AF_RXRPC.
- They compare a socket's family in all 64 bits of the argument. This filter compares only the 32 bits that the kernel uses.
- This filter allows some calls for which they require a capability, or which they refuse: \`mbind\`, \`set_mempolicy\` and
  their relatives (a process's own memory), \`process_madvise\` (the kernel demands the right to trace), \`lsm_get_self_attr\`
  and its relatives, \`file_getattr\`, \`file_setattr\`, and some calls of old 32-bit programs.

## Allowed

${ALLOWED.map((each) => group(each)).join("\n")}
## Allowed with a capability

These calls are allowed if the capability is in the program's bounding set.

${WITH_CAPABILITY.map((each) => group(each, `: ${each.capability}`)).join("\n")}
## Allowed with --allow-nesting

These calls are for programs that make containers ([sandbox.md](sandbox.md#containers-inside)).

${group(NESTING)}
With this flag \`keyctl\` fails with ENOSYS, as on a kernel without keyrings, so that runtimes go on without a session keyring.

## Allowed with some arguments

- \`clone\` without flags for new namespaces. \`clone3\` fails with ENOSYS, because its flags are in memory, where no filter
  can look; C libraries then use \`clone\`. With CAP_SYS_ADMIN or --allow-nesting both are allowed.
- \`socket\` for all address families except these:
${REFUSED_FAMILIES.map(({ name, number, why }) => `  - ${name} (${number}): ${why}`).join("\n")}

    The filter ignores the upper half of the argument, as the kernel does.
- \`socketcall\`, by which old 32-bit programs make sockets, fails with ENOSYS, because its arguments are in memory, too.
  Since Linux 4.3, C libraries use \`socket\` and the like instead. Go programs for \`GOARCH=386\` and some old 32-bit
  binaries do not, and have no network with this filter: give them another filter.
- \`personality\` with ${PERSONALITIES.map((value) => `0x${value.toString(16)}`).join(", ")}: the default, 32 bits, UNAME26, and a query.

## Without effect with --fake-root

With \`--fake-root\` these calls succeed and do nothing ([sandbox.md](sandbox.md#root-without-subordinate-ids)), and so do
\`mknod\` and \`mknodat\` of devices.

${group(NEEDS_OTHER_IDS)}
## A profile of what a program calls

    brun run --host --seccomp-record profile.json -- make test
    brun run --host --security-opt seccomp=profile.json -- make test
    brun seccomp record --bundle DIR --output profile.json ID

The first command records which system calls the program makes, and writes a profile of them in the form of
\`linux.seccomp\`. The second command uses the profile. The third records the container of a bundle. Recording needs no
privileges: the kernel asks an agent of brun about each call (seccomp_unotify(2)), and the agent allows it. The profile is
the filter that the program had, without the calls that it did not make; conditions and errors stay the same. If the program
had no filter (\`seccomp=unconfined\`, a bundle without \`linux.seccomp\`), all other calls fail with EPERM. brun adds to an
existing profile, so that several runs make one.

- Only what happens is recorded. Another run, on another machine or with another C library, may need more calls.
- Each profile allows \`sendmsg\`, which cannot be recorded because it passes the listener to the agent. Each profile also
  allows the calls that depend on a signal or on timing:
  ${UNRECORDED.slice(1)
    .map((name) => `\`${name}\``)
    .join(" ")}.
- The profile also has the calls that brun makes between the filter and the program.
- brun cannot record with a filter that refuses \`sendmsg\`, that has an agent, or that allows by default and has conditions.
- A program that makes a listener (SECCOMP_FILTER_FLAG_NEW_LISTENER) fails with EBUSY, because the kernel allows only one.
- Recording is slow: each call waits for the agent, some 30 µs.

## Not allowed

The filter refuses, among others: mounting and new namespaces (without CAP_SYS_ADMIN or --allow-nesting), loading modules and BPF programs,
\`keyctl\` and \`add_key\` (namespaces do not separate keyrings), \`io_uring_setup\` (filters do not see its operations), \`userfaultfd\`,
\`perf_event_open\`, \`kexec_load\`, \`reboot\`, \`swapon\`, \`quotactl\`, \`nfsservctl\`, \`vm86\`, \`uselib\`, \`ustat\`, \`sysfs\`.
`;
}

if (import.meta.main) writeFileSync(`${import.meta.dir}/../docs/seccomp.md`, seccompDoc());
