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

Containers without a bundle ([sandbox.md](sandbox.md)) get this seccomp filter unless \`--security-opt seccomp=FILE\` gives
another, in the form of \`linux.seccomp\` in config.json, or \`seccomp=unconfined\` none. It is in the spirit of docker's and
podman's: what programs use is allowed, what reaches past the container is not. A config.json that has no \`linux.seccomp\`
has no filter; \`brun run --print-config\` prints this one.

A call that is not allowed fails with EPERM, one that is newer than libseccomp with ENOSYS, so that programs fall back to
what they did before. The filter is for the machine's own architecture and its 32-bit relatives. This page is made from
src/sandbox/seccomp-table.ts by scripts/seccomp-doc.ts.

## What it was checked against

On 2026-11-30 against the default profiles of moby (moby/profiles at cd3bed8, of 2026-06-30) and containerd (301026e, of
2026-08-22), which have the same rules. All that they allow on x86 and Arm is allowed here, but for \`socketcall\` and AF_RXRPC.
They compare the family of a socket in all 64 bits, which this filter does not. Allowed
here for everyone, and there with a capability or not at all, are \`mbind\`, \`set_mempolicy\` and their relatives (a process's
own memory), \`process_madvise\` (the kernel asks for the right to trace), \`lsm_get_self_attr\` and its relatives,
\`file_getattr\`, \`file_setattr\`, and some calls of old 32-bit programs.

## Allowed

${ALLOWED.map((each) => group(each)).join("\n")}
## Allowed with a capability

For those that have the capability in their bounding set.

${WITH_CAPABILITY.map((each) => group(each, `: ${each.capability}`)).join("\n")}
## Allowed with --allow-nesting

For programs that make containers themselves ([sandbox.md](sandbox.md#containers-inside)).

${group(NESTING)}
\`keyctl\` fails with ENOSYS then, as on a kernel without keyrings: runtimes go on without a session keyring of the container's.

## Allowed with some arguments

- \`clone\` without flags for new namespaces, unless CAP_SYS_ADMIN or --allow-nesting is there. \`clone3\` fails with ENOSYS then: its flags are in
  memory, where no filter can look, and C libraries fall back to \`clone\`.
- \`socket\` for all address families but these:
${REFUSED_FAMILIES.map(({ name, number, why }) => `  - ${name} (${number}): ${why}`).join("\n")}

  The upper half of the argument counts as little for the filter as for the kernel.
- \`socketcall\`, by which 32-bit programs of old make sockets, fails with ENOSYS: its arguments are in memory, too. C libraries
  use \`socket\` and the like since Linux 4.3. Go programs for \`GOARCH=386\` and some old 32-bit binaries do not, and
  have no network with this filter: give them one of their own.
- \`personality\` with ${PERSONALITIES.map((value) => `0x${value.toString(16)}`).join(", ")}: the default, 32 bits, UNAME26, and asking.

## Done without being done, with --fake-root

These succeed and do nothing, whatever else the filter says of them
([sandbox.md](sandbox.md#root-without-subordinate-ids)); \`mknod\` and \`mknodat\` of devices do, too.

${group(NEEDS_OTHER_IDS)}
## A profile of what a program calls

    brun run --host --seccomp-record profile.json -- make test
    brun run --host --security-opt seccomp=profile.json -- make test
    brun seccomp record --bundle DIR --output profile.json ID

The first writes down which system calls are made and makes a profile of them, in the form of \`linux.seccomp\`; the last does it
for a bundle. It takes no rights: an agent of brun's is asked for each call (seccomp_unotify(2)) and lets it happen. The
profile is the filter that the program had, this page's or its own, without the calls that were not made: conditions, and
what is refused with which error, stay. Without a filter (\`seccomp=unconfined\`, a bundle without \`linux.seccomp\`) what was not
called fails with EPERM. A profile that is there is added to, so that several runs make one.

- Only what happens is recorded. A run that takes another way, on another machine or with another C library, may need more.
- \`sendmsg\` cannot be recorded, since the listener is handed over by it, and is in each profile. So are the calls that a signal
  or a moment decides:
  ${UNRECORDED.slice(1)
    .map((name) => `\`${name}\``)
    .join(" ")}.
- What brun calls itself between the filter and the program is in it, too.
- A filter that refuses \`sendmsg\`, has an agent itself, or allows by default and has conditions cannot be recorded.
- A program that has a listener of its own (SECCOMP_FILTER_FLAG_NEW_LISTENER) fails with EBUSY: the kernel allows one.
- It takes time: each call waits for the agent, some 30 µs.

## Not allowed

Among others: mounting and new namespaces (without CAP_SYS_ADMIN or --allow-nesting), loading modules and BPF programs, \`keyctl\` and
\`add_key\` (keyrings are not separated by namespaces), \`io_uring_setup\` (its operations pass filters by), \`userfaultfd\`,
\`perf_event_open\`, \`kexec_load\`, \`reboot\`, \`swapon\`, \`quotactl\`, \`nfsservctl\`, \`vm86\`, \`uselib\`, \`ustat\`, \`sysfs\`.
`;
}

if (import.meta.main) writeFileSync(`${import.meta.dir}/../docs/seccomp.md`, seccompDoc());
