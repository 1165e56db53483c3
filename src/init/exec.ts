/** The last steps: executable, seccomp, readiness, execve. */

import type { SeccompFilter } from "../config/types.ts";
import { HOME_SIZE, Message } from "../plan/abi.ts";
import { DEFAULT_PATH, HOME_PLACE, Hole } from "../plan/file-abi.ts";
import type { Blob, Str } from "../plan/program.ts";
import type { Process } from "../spec/index.ts";
import { PR, RESOLVE } from "../sys/constants.ts";
import { O } from "../sys/fs.ts";
import { each, foundLast, mapped } from "../sys/lists.ts";
import { POLLIN } from "../sys/poll.ts";
import { utf8 } from "../sys/utf8.ts";
import { OPEN_HOW_SIZE, openHow, type ProcessContext } from "./context.ts";
import { openProcfs } from "./procfs.ts";

const SECCOMP_SET_MODE_FILTER = 1;

/**
 * Placeholder in `extraEnv`: becomes LISTEN_PID (sd_listen_fds(3)) with the pid that the process has in the
 * container.
 */
export const LISTEN_PID = "LISTEN_PID=";

/**
 * The environment of the process: the spec's variables (the last one of each name), those of the runtime, and
 * HOME. If the spec has no HOME it is empty, and {@link environmentArray} takes it from the container's passwd(5).
 */
export function environment(x: ProcessContext, process: Process): string[] {
  const env: string[] = [];
  const places = new Map<string, number>();
  const put = (entry: string): void => {
    const equals = entry.indexOf("=");
    // runc drops entries that are not NAME=value. No program can look up an empty name.
    if (equals <= 0) return;
    const name = entry.slice(0, equals);
    const place = places.get(name) ?? env.length;
    places.set(name, place);
    env[place] = entry;
  };
  each(process.env ?? [], put);
  each(x.config.extraEnv, put);
  if (!places.has("HOME")) put(HOME_PLACE);
  return env;
}

/**
 * The environment as execve(2) takes it. Has to be called before a seccomp filter is installed, which could refuse
 * the calls.
 * @param uid the user whose home directory replaces an empty HOME; without it, HOME stays empty
 */
export function environmentArray(x: ProcessContext, env: readonly string[], uid?: number): Blob {
  const host = env.indexOf(`HOSTNAME=${x.config.id}`);
  // Another container that uses the same cached plan has another id.
  const others = host < 0 ? env : mapped(env, (entry, i) => (i === host ? "" : entry));
  const envp = x.b.holeList(Hole.environment, others, "envp");
  if (host >= 0) x.b.pointer(envp.at + 8 * host, x.b.hole(Hole.hostVariable, env[host]!));
  // With an init the program's pid is known only after the fork.
  if (!x.config.init) tellPid(x, env, envp);
  if (uid !== undefined) findHome(x, env, envp, uid);
  return envp;
}

/** Reads HOME from passwd(5) inside the container: that file may be on a mount, and hooks may have changed it. */
function findHome({ b }: ProcessContext, env: readonly string[], envp: Blob, uid: number): void {
  const index = env.indexOf(HOME_PLACE);
  if (index < 0) return;
  b.at("process.env", { kind: "findHome" });
  const data = new Uint8Array(HOME_PLACE.length + HOME_SIZE);
  data.set(utf8(HOME_PLACE));
  const variable = b.holeBytes(Hole.home, data, "HOME");
  b.home(b.inside(variable, HOME_PLACE.length), b.number(Hole.uid, uid), "/etc/passwd");
  b.pointer(envp.at + 8 * index, variable);
}

/**
 * Sets LISTEN_PID to the pid that the process has in its pid namespace. It is 1 only for the first process of a
 * new one.
 */
function tellPid(x: ProcessContext, env: readonly string[], envp: Blob): void {
  const index = env.indexOf(LISTEN_PID);
  if (index < 0 || !x.config.extraEnv.includes(LISTEN_PID)) return;
  const { b } = x;
  b.at("process.env", { kind: "setListenPid" });
  const variable = b.bytes(utf8(LISTEN_PID.padEnd(32, "\0")), "LISTEN_PID");
  const pid = b.get("getpid", []);
  b.poke(b.inside(variable, LISTEN_PID.length), pid, 0);
  b.free(pid);
  b.pointer(envp.at + 8 * index, variable);
}

/** PATH of an environment, which is searched for a file without a slash, as by execvp(3). */
export function searchPath({ b }: ProcessContext, env: readonly string[]): Str {
  return b.hole(Hole.path, foundLast(env, (e) => e.startsWith("PATH="))?.slice(5) ?? DEFAULT_PATH);
}

/**
 * Checks that the executable exists and may be executed, while the error can still be reported. In PATH,
 * directories and files that may not be executed are passed over.
 */
export function findExecutable(x: ProcessContext, file: Str, path: Str): void {
  const { b } = x;
  b.at("process.args[0]", { kind: "findProgram", file: file.text });
  b.find(file, path);
}

/** The program's file. It is a hole, since a cached plan may run with another command line. */
export function fileOf({ b }: ProcessContext, { args }: Process): Str {
  return b.hole(Hole.argument, args?.[0] ?? "");
}

/** Installs a seccomp filter, and sends its notification descriptor, if there is one, to brun. */
export function installSeccomp(x: ProcessContext, filter: SeccompFilter): void {
  const { b } = x;
  b.at("linux.seccomp", { kind: "seccomp" });
  const program = b.bytes(filter.bpf, `bpf of ${filter.bpf.length / 8} instructions`);
  const fprog = b.bytes(
    new Uint8Array(new BigUint64Array([BigInt(filter.bpf.length / 8), 0n]).buffer),
    `{len=${filter.bpf.length / 8}}`,
  );
  b.pointer(fprog.at + 8, program);
  const args = [SECCOMP_SET_MODE_FILTER, filter.flags, fprog] as const;
  if (!filter.notify) {
    b.sys("seccomp", args);
    return;
  }
  const fd = b.get("seccomp", args);
  b.send(Message.seccomp, fd, Message.resume);
  b.close(fd);
}

/**
 * Tells brun that no step of this program can fail any more, and waits for brun. If there is a FIFO, it then waits
 * for `start`, which gets later failures (start-failure.ts).
 */
export function waitForStart(x: ProcessContext): void {
  const { b } = x;
  b.at("start", { kind: "awaitBrun" });
  b.send(Message.ready, null, Message.run, x.fifo);
  if (x.fifo === null) return;
  b.at("start", { kind: "awaitStart" });
  const pollfd = b.bytes(new Uint8Array(new Uint32Array([0, POLLIN]).buffer), "{fifo, POLLIN}");
  b.poke(pollfd, x.fifo, 4);
  b.sys("ppoll", [pollfd, 1, null, null, 8]);
}

/** Forks an init if the config asks for one: from here on the process is its child. */
export function becomeInit(x: ProcessContext, env: readonly string[], envp: Blob): void {
  if (!x.config.init) return;
  x.b.at("init", { kind: "leaveInit" });
  x.b.init();
  tellPid(x, env, envp);
}

const SIGKILL = 9;

/**
 * Kills the process when its parent ends. Comes after the change of user, which would clear this setting. If brun
 * is gone already, waiting for it fails.
 */
export function dieWithParent(x: ProcessContext): void {
  if (!x.config.dieWithParent) return;
  x.b.at("init", { kind: "dieWithParent" });
  x.b.sys("prctl", [PR.SET_PDEATHSIG, SIGKILL, 0, 0, 0]);
}

/** Becomes the container's program. Of descriptors 3 and up only the preserved ones stay open. */
export function execute(x: ProcessContext, file: Str, path: Str, process: Process, envp: Blob): void {
  const { b } = x;
  const argv = b.holeList(Hole.argument, process.args ?? [], "argv");
  b.at("process.args[0]", { kind: "execute", file: file.text });
  b.execute(file, path, argv, envp);
}

const CLOSE_RANGE_CLOEXEC = 4;

/** Marks everything but stdio and the preserved descriptors close-on-exec. */
export function closeOthers(x: ProcessContext): void {
  const { b, config } = x;
  b.at("--preserve-fds", { kind: "closeOthers" });
  const first = 3 + config.preserveFds;
  if (!config.facts.lacking?.has("close_range")) {
    b.sys("close_range", [first, 0xffffffff, CLOSE_RANGE_CLOEXEC]);
    return;
  }
  const proc = openProcfs(x, "/proc");
  const how = openHow(x, O.RDONLY | O.DIRECTORY, RESOLVE.BENEATH | RESOLVE.NO_XDEV | RESOLVE.NO_MAGICLINKS);
  const fds = b.get("openat2", [proc, b.str("self/fd"), how, OPEN_HOW_SIZE]);
  b.cloexec(fds, first);
  b.close(fds);
  b.close(proc);
}
