/**
 * --fake-root: for a root with only one id, calls that need more ids succeed without effect, so that package
 * managers and archivers go on. It is part of the sandbox's only seccomp filter: an errno of 0 means success
 * without the call.
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

/**
 * The calls that make nodes, and the index of the argument with the type. Making device nodes needs a right
 * over the machine.
 */
const MAKES_NODES = [
  { name: "mknod", mode: 1 },
  { name: "mknodat", mode: 2 },
] as const;

const SUCCESS = 0;
const DEVICES = [S.IFCHR, S.IFBLK] as const;
/** Types that are made as usual. 0 makes a regular file, too. */
const OTHERS = [S.IFREG, 0, S.IFIFO, S.IFSOCK] as const;

/**
 * Adds these calls to a filter. Its other rules stay as they are. Pure.
 * @param filter null: no filter
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
    // A rule without conditions would have precedence over the new ones, which have conditions. So it gets
    // conditions for all other types.
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

/** Throws a BrunError if --fake-root has no use, or contradicts another flag. */
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
 * apt downloads as another user, and checks whether it has become that user. A filter cannot change that. An
 * environment variable can name a file with apt's settings. The file is in the sandbox's own /dev, so that
 * the root does not get it.
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

/** Settings for programs that check the effect of such calls. */
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

/** The variables that name these files. */
export function fakeRootEnvironment(
  options: SandboxOptions,
  view: HostView,
): readonly (readonly [string, string])[] {
  return hasApt(options, view) ? [["APT_CONFIG", APT.file]] : [];
}

/** Makes the files of {@link fakeRootMounts}. Throws a SysError. */
export function makeFakeRootFiles({ fakeRoot }: SandboxOptions, stateDirectory: string): void {
  if (fakeRoot) makeShownFile(directoryOf(stateDirectory), "apt.conf", APT.text);
}

/** Throws a BrunError for root, which does not need --fake-root. */
export function checkFakesFor({ nested }: HostView): void {
  if (nested) return;
  throw new BrunError("root has all ids: chown and the like are really done, without --fake-root", {
    code: "ERR_USAGE",
    where: "--fake-root",
    hint: "leave it out",
  });
}
