/**
 * --fake-root: a program that is root of one id alone is told that what takes more ids is done, so that package managers
 * and archivers go on. It is part of the sandbox's one seccomp filter: an errno of 0 is success without the call.
 */
import { BrunError } from "../errors.ts";
import type { Seccomp, Syscall } from "../spec/index.ts";
import { S } from "../sys/fs.ts";
import { type Placed, shownFile } from "./mounts.ts";
import type { SandboxOptions } from "./options.ts";
import { defaultArchitectures } from "./seccomp.ts";
import { NEEDS_OTHER_IDS } from "./seccomp-table.ts";
import { makeShownFile } from "./shown-file.ts";
import type { HostView } from "./view.ts";

/** Makes nodes; those of devices take a right over the machine. The argument that has the type of the node. */
const MAKES_NODES = [
  { name: "mknod", mode: 1 },
  { name: "mknodat", mode: 2 },
] as const;

const SUCCESS = 0;
const DEVICES = [S.IFCHR, S.IFBLK] as const;
/** A type of 0 makes a regular file, too. */
const OTHERS = [S.IFREG, 0, S.IFIFO, S.IFSOCK] as const;

/**
 * The filter in which those calls are done. What else it says stays as it is. Pure.
 * @param filter null: none
 */
export function withFakeRoot(filter: Seccomp | null): Seccomp {
  const faked = new Set(NEEDS_OTHER_IDS.calls.trim().split(/\s+/));
  const nodes = new Set<string>(MAKES_NODES.map(({ name }) => name));
  const given: Seccomp = filter ?? { defaultAction: "SCMP_ACT_ALLOW", architectures: defaultArchitectures() };
  const syscalls: Syscall[] = [done([...faked])];
  for (const { name, mode } of MAKES_NODES) {
    for (const value of DEVICES) syscalls.push({ ...done([name]), args: [ofType(mode, value)] });
  }
  for (const rule of given.syscalls ?? []) {
    // A rule without conditions would decide over ours, which have some: so it gets those for all other nodes.
    const plain = !rule.args?.length;
    const names = rule.names.filter((name) => !faked.has(name) && !(plain && nodes.has(name)));
    if (names.length > 0) syscalls.push({ ...rule, names });
    if (!plain) continue;
    for (const { name, mode } of MAKES_NODES) {
      if (!rule.names.includes(name)) continue;
      for (const value of OTHERS) syscalls.push({ ...rule, names: [name], args: [ofType(mode, value)] });
    }
  }
  return { ...given, syscalls };
}

function done(names: string[]): Syscall {
  return { names, action: "SCMP_ACT_ERRNO", errnoRet: SUCCESS };
}

function ofType(index: number, value: number) {
  return { index, value: S.IFMT, valueTwo: value, op: "SCMP_CMP_MASKED_EQ" as const };
}

/** Throws a BrunError where --fake-root has no use, or contradicts another flag. */
export function checkFakeRoot({
  user,
  userns,
  groupAdd,
}: Pick<SandboxOptions, "user" | "userns" | "groupAdd">): void {
  const refuse = (message: string, hint: string): never => {
    throw new BrunError(message, { code: "ERR_USAGE", where: "--fake-root", hint });
  };
  if (user !== undefined && !/^(root|0)(:(root|0))?$/.test(user)) {
    refuse(`--fake-root is for a program of root, and not for --user ${user}`, "leave out one of them");
  }
  if (userns === "range" || userns === "keep-id") {
    refuse(
      `--fake-root is for a program that has one id, and --userns ${userns} gives it more`,
      "leave out --fake-root: with these ids chown and the like are really done",
    );
  }
  if (groupAdd.length > 0) {
    refuse("--fake-root is for a program that has one id, and no further groups", "leave out --group-add");
  }
}

/**
 * apt downloads as another user and looks whether it has become that one, which no filter can answer. Its settings can be
 * in a file that the environment names: one in the sandbox's own /dev leaves nothing in the root.
 */
const APT = {
  directory: "/etc/apt",
  file: "/dev/brun/apt.conf",
  text: 'APT::Sandbox::User "root";\n',
} as const;

function directoryOf(stateDirectory: string): string {
  return `${stateDirectory}/@fake-root`;
}

function hasApt({ fakeRoot, root }: SandboxOptions, view: HostView): boolean {
  if (!fakeRoot) return false;
  return root.kind === "host" ? view.follow(APT.directory) !== null : view.isInRoot(root.path, APT.directory);
}

/** Settings of programs that look whether something is done. */
export function fakeRootMounts(options: SandboxOptions, view: HostView): Placed[] {
  if (!hasApt(options, view)) return [];
  return [
    {
      mount: shownFile(`${directoryOf(view.stateDirectory)}/apt.conf`, APT.file),
      origin: "file",
      flag: "--fake-root",
    },
  ];
}

/** The variables that name these. */
export function fakeRootEnvironment(
  options: SandboxOptions,
  view: HostView,
): readonly (readonly [string, string])[] {
  return hasApt(options, view) ? [["APT_CONFIG", APT.file]] : [];
}

/** Makes what {@link fakeRootMounts} shows. Throws a SysError. */
export function makeFakeRootFiles({ fakeRoot }: SandboxOptions, stateDirectory: string): void {
  if (fakeRoot) makeShownFile(directoryOf(stateDirectory), "apt.conf", APT.text);
}

/** Root needs nothing of it. Throws a BrunError. */
export function checkFakesFor({ nested }: HostView): void {
  if (nested) return;
  throw new BrunError("root has all ids: chown and the like are really done, without --fake-root", {
    code: "ERR_USAGE",
    where: "--fake-root",
    hint: "leave it out",
  });
}
