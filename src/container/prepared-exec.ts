/** The program of `exec` without flags, for any words: the last part of what prepared.ts writes down. */
import type { ContainerConfig, ExecConfig } from "../config/types.ts";
import { setnsInit } from "../init/setns.ts";
import type { Process } from "../spec/index.ts";
import type { Label, Program } from "../stage/program.ts";
import { RESOLVE } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { AT_EMPTY_PATH, AT_FDCWD, close, O } from "../sys/fs.ts";
import { each } from "../sys/lists.ts";
import type { ExecInfo } from "./exec-info.ts";
import { permitLimits } from "./exec-limits.ts";
import { namesHome, openInRoot, processFacts } from "./facts.ts";
import type { Given } from "./prepared.ts";
import type { StoredState } from "./store.ts";
import type { Runtime } from "./types.ts";

/** TEMPLATE_ARGUMENTS of nsenter/front/template.h: so many words there is room for. */
const ARGUMENTS = 64;

/** Stands in the template where the first word goes. */
const WORD = "word";

export interface PreparedExec {
  /** For the stage; see nsenter/front/template.h. */
  readonly program: Program;
  /** Goes to `otherwise` where the program would not do what brun does. */
  guard(given: Given, otherwise: Label): void;
}

/** Null for what depends on who calls `exec`, and on more than the container. */
export function preparedExec(
  rt: Runtime,
  config: ContainerConfig,
  state: StoredState,
  info: ExecInfo,
): PreparedExec | null {
  const { process } = info;
  if (state.cgroup !== undefined || config.seccomp?.notify || process.execCPUAffinity?.initial) return null;
  if (process.apparmorProfile || process.selinuxLabel || (process.user?.uid ?? 0) !== 0) return null;
  const words: string[] = [];
  for (let i = 0; i < ARGUMENTS; i++) words.push(WORD);
  let warned = false;
  const warn = () => {
    warned = true;
  };
  const { consoleSize: _size, ...rest } = process;
  const plain: Process = { ...rest, terminal: false, args: words };
  const permitted = permitLimits({ ...rt, warn }, plain, info.privileged);
  if (warned) return null;
  const execConfig: ExecConfig = {
    id: state.id,
    privileged: info.privileged,
    setgroups: info.setgroups,
    dropGroups: info.dropGroups,
    facts: processFacts(state.rootfs, permitted.process),
    seccomp: config.seccomp,
    newKeyring: !info.oldKeyring,
    preserveFds: 0,
    raisedLimits: permitted.raised,
    extraEnv: [],
    process: permitted.process,
    placement: info.placement,
    namespaces: info.namespaces,
    userNamespace: info.userNamespace,
    target: state,
  };
  const home = namesHome(process.env ?? []) ? null : passwdOf(state.rootfs);
  return {
    program: setnsInit(execConfig),
    guard: (given, otherwise) => {
      if (home !== null) unlessChanged(given, state.rootfs, home, otherwise);
    },
  };
}

const PASSWD = "etc/passwd";
const STATX_BASIC_STATS = 0x7ff;
/** Of struct statx: 32-bit words of inode, size, and seconds and nanoseconds of mtime. */
const TELLTALE = [0x20, 0x24, 0x28, 0x70, 0x78] as const;

/** What tells one state of the image's passwd(5), where HOME comes from, from another; or the errno of looking. */
function passwdOf(rootfs: string): Uint32Array | number {
  const fd = openInRoot(rootfs, PASSWD);
  if (fd < 0) return -fd;
  const status = new Uint32Array(64);
  const result = syscall(NR.statx, fd, cstr(""), AT_EMPTY_PATH, STATX_BASIC_STATS, status);
  close(fd);
  return result < 0 ? -result : status;
}

/** Goes to `otherwise` unless passwd(5) is as it was. */
function unlessChanged({ b }: Given, rootfs: string, before: Uint32Array | number, otherwise: Label): void {
  const absent = b.label();
  const how = new Uint32Array([O.RDONLY | O.NONBLOCK | O.CLOEXEC, 0, 0, 0, RESOLVE.IN_ROOT, 0]);
  const root = b.get("openat", [AT_FDCWD, b.str(rootfs), O.PATH | O.DIRECTORY | O.CLOEXEC, 0]);
  const open = [root, b.str(PASSWD), b.bytes(new Uint8Array(how.buffer), "how"), how.byteLength] as const;
  if (typeof before === "number") {
    const there = b.get("openat2", open, { handle: [before], orElse: absent });
    b.close(there);
    b.sys("close", [root], { andThen: otherwise });
    b.mark(absent);
    b.close(root);
    return;
  }
  const fd = b.get("openat2", open);
  const now = b.reserve(256, "statx");
  b.sys("statx", [fd, b.str(""), AT_EMPTY_PATH, STATX_BASIC_STATS, now]);
  b.close(fd);
  b.close(root);
  each(TELLTALE, (at) => {
    const differs = { handle: [E.EAGAIN], orElse: otherwise };
    b.check(b.inside(now, at), 4, 0xffffffff, before[at / 4]!, E.EAGAIN, differs);
  });
}
