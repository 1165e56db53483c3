/** The process that `exec` starts: the container's process, changed by the flags. */

import { namedUser } from "../../config/user-names.ts";
import { BrunError } from "../../errors.ts";
import { readGiven } from "../../given-file.ts";
import { quoted } from "../../printable.ts";
import { mistakeText, type Process, parseProcess, type User } from "../../spec/index.ts";
import type { Mistake } from "../../spec/validate/findings.ts";
import { validateEnv } from "../../spec/validate/process.ts";
import { CAPABILITIES } from "../../sys/constants.ts";
import { absolute } from "../../sys/fs.ts";
import { textInRoot } from "../../sys/in-root.ts";
import type { ExecInfo } from "../state/exec-info.ts";
import type { ExecOptions } from "../types.ts";

/**
 * Builds the process. Throws a BrunError for flags that do not fit.
 * @param pid of the container's process, in whose root a user's name is looked up
 */
export function execProcess(info: ExecInfo, options: ExecOptions, pid: number): Process {
  if (options.process !== undefined) {
    const path = absolute(options.process);
    const process = parseProcess(readGiven(`--process ${options.process}`, path), path);
    const whole = withDefaults(process, info.process);
    // As runc: the flag makes a terminal, it does not take one away.
    return options.tty ? { ...whole, terminal: true } : whole;
  }
  const base = info.process;
  const { consoleSize: _size, ...rest } = base;
  const process: Process = {
    ...rest,
    terminal: options.tty,
    args: [...options.args],
    env: [...(base.env ?? []), ...options.env],
  };
  if (options.cwd !== undefined) process.cwd = options.cwd;
  checkFlags(options);
  if (options.processLabel !== undefined) process.selinuxLabel = options.processLabel;
  if (options.apparmor !== undefined) process.apparmorProfile = options.apparmor;
  if (options.noNewPrivs !== undefined) process.noNewPrivileges = options.noNewPrivs;
  if (options.user !== undefined) process.user = userOf(options.user, info, pid);
  if (options.additionalGids.length > 0) {
    const { uid = 0, gid = 0, ...others } = process.user ?? {};
    const groups = [...(process.user?.additionalGids ?? []), ...options.additionalGids];
    process.user = { uid, gid, ...others, additionalGids: groups };
  }
  if (options.caps.length > 0) process.capabilities = addCapabilities(base, options.caps);
  return process;
}

/** Fields that a process.json lacks are those of the container's process, as with runc. */
function withDefaults(process: Process, own: Process): Process {
  const whole: Process = { ...process };
  for (const key of ["capabilities", "ioPriority", "scheduler", "execCPUAffinity"] as const) {
    if (whole[key] === undefined) Object.assign(whole, { [key]: own[key] });
  }
  if (!whole.rlimits?.length) whole.rlimits = own.rlimits;
  if (!whole.apparmorProfile) whole.apparmorProfile = own.apparmorProfile;
  if (!whole.selinuxLabel) whole.selinuxLabel = own.selinuxLabel;
  return whole;
}

/** The checks of a config, for this process. */
function checkFlags({ cwd, env }: ExecOptions): void {
  if (cwd !== undefined && !cwd.startsWith("/")) {
    throw new BrunError(`--cwd: expected an absolute path but found ${quoted(cwd)}`, { where: "--cwd" });
  }
  const errors: Mistake[] = [];
  validateEnv(env, "--env", errors);
  if (errors.length > 0) throw new BrunError(errors.map(mistakeText).join("; "), { where: errors[0]!.path });
}

/**
 * "uid[:gid]" as runc's, or with a name as podman's: from the container's own files, with the groups that these list a named
 * user in, where its user namespace lets groups be set.
 */
function userOf(given: string, info: ExecInfo, pid: number): User {
  const own = info.process.user ?? { uid: 0, gid: 0 };
  const numbers = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(given);
  if (numbers === null) {
    // The owner of the process has been checked, and is checked again when its namespaces are joined.
    const root = `/proc/${pid}/root`;
    const files = {
      passwd: textInRoot(root, "/etc/passwd"),
      group: textInRoot(root, "/etc/group"),
      where: "the container's ",
    };
    const { additionalGids: _own, ...rest } = own;
    return { ...rest, ...namedUser(given, files, info.setgroups).user };
  }
  const [uid, gid] = [Number(numbers[1]), numbers[2] === undefined ? undefined : Number(numbers[2])];
  if (Math.max(uid, gid ?? 0) > MAX_ID) {
    throw new BrunError(`${quoted(given)} is not a user`, {
      where: "--user",
      hint: "an id is at most 4294967294",
    });
  }
  return { ...own, uid, gid: gid ?? own.gid };
}

const MAX_ID = 0xfffffffe;

type Capabilities = NonNullable<Process["capabilities"]>;

/**
 * Adds capabilities to bounding, effective and permitted; to ambient only where inheritable has them already,
 * and never to inheritable (CVE-2022-29162).
 */
function addCapabilities(base: Process, caps: readonly string[]): Capabilities {
  const names = caps.map((cap) => {
    const name = cap.toUpperCase().startsWith("CAP_") ? cap.toUpperCase() : `CAP_${cap.toUpperCase()}`;
    if (!(CAPABILITIES as readonly string[]).includes(name)) {
      throw new BrunError(`${quoted(cap)} is not a capability`, {
        where: "--cap",
        hint: "see capabilities(7)",
      });
    }
    return name;
  });
  const add = (list: readonly string[] | undefined) => [...new Set([...(list ?? []), ...names])];
  const had = base.capabilities ?? {};
  const inheritable = had.inheritable ?? [];
  const ambient = [...(had.ambient ?? []), ...names.filter((n) => inheritable.includes(n as never))];
  return {
    ...had,
    bounding: add(had.bounding),
    effective: add(had.effective),
    permitted: add(had.permitted),
    ambient: [...new Set(ambient)],
  } as Capabilities;
}
