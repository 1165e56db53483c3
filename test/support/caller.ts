/**
 * Who starts the runtime: an unprivileged user, or root. When the tests are started by root, the user is
 * `bruntest`, which is made when it does not exist; otherwise it is whoever started the tests. BRUN_TEST_USER names
 * another user, so that two checkouts can be tested at the same time.
 */
import { spawnSync } from "node:child_process";
import { appendFileSync, chmodSync, chownSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";

/** Name of the unprivileged user that root makes: `userdel -r` takes it away again. */
export const TEST_USER = process.env.BRUN_TEST_USER || "bruntest";

/** Ids that a user may need below 65,536, and so the size of a subordinate range. */
const RANGE = 65536;

/** Someone on whose behalf commands run. */
export interface Caller {
  /** "user" or "root": what tests are named after. */
  readonly name: "user" | "root";
  readonly user: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  /** Put before a command to run it as this caller; empty when that is who we are. */
  readonly prefix: readonly string[];
}

export const isRoot = process.getuid?.() === 0;

/** Runs a host program and returns its stdout. Throws with its output when it fails. */
export function host(...argv: string[]): string {
  const [command, ...args] = argv;
  const { status, stdout, stderr, error } = spawnSync(command!, args, { encoding: "utf8", input: "" });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${argv.join(" ")} exited with ${status}: ${stderr}${stdout}`);
  return stdout;
}

/** Whether a command is installed; sbin is looked at too. */
export function installed(command: string): boolean {
  const path = `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin`;
  return path.split(":").some((dir) => existsSync(`${dir}/${command}`));
}

let cachedUser: Caller | undefined;

/** The unprivileged user. As root, makes it with home and subordinate ids if need be. */
export function testUser(): Caller {
  cachedUser ??= isRoot ? madeUser() : ourselves();
  return cachedUser;
}

/** Root, or undefined when we are not root. */
export function testRoot(): Caller | undefined {
  return isRoot ? { name: "root", user: "root", uid: 0, gid: 0, home: "/root", prefix: [] } : undefined;
}

/**
 * Everyone that the tests can run as: the user, and root when root started the tests. CALLER=root in the
 * environment leaves the user out.
 */
export function callers(): Caller[] {
  const root = testRoot();
  if (root === undefined) return [testUser()];
  return process.env.CALLER === "root" ? [root] : [testUser(), root];
}

function ourselves(): Caller {
  const { uid, gid, homedir } = userInfo();
  // Not userInfo's username, which is what $USER says: a job of cron has none.
  return { name: "user", user: host("id", "-un").trim(), uid, gid, home: homedir, prefix: [] };
}

function madeUser(): Caller {
  // Test files run at the same time, and one may be making it.
  const make = `id -u "$1" >/dev/null 2>&1 || exec useradd --create-home --shell /bin/sh "$1"`;
  host("flock", "/etc", "sh", "-c", make, "sh", TEST_USER);
  addRange("/etc/subuid");
  addRange("/etc/subgid");
  const fields = passwdEntry()!.split(":");
  const [uid, gid] = [Number(fields[2]), Number(fields[3])];
  const prefix = ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--init-groups", "--inh-caps=-all", "--"];
  return { name: "user", user: TEST_USER, uid, gid, home: fields[5]!, prefix };
}

function passwdEntry(): string | undefined {
  return readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((line) => line.startsWith(`${TEST_USER}:`));
}

/** Gives the user a range in /etc/subuid or /etc/subgid behind everyone else's, unless it has one. */
function addRange(file: string): void {
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  if (lines.some((line) => line.startsWith(`${TEST_USER}:`))) return;
  const ends = lines.filter((line) => line.includes(":")).map((line) => line.split(":").slice(1).map(Number));
  const start = Math.max(100000, ...ends.map(([first, count]) => first! + count!));
  appendFileSync(file, `${TEST_USER}:${start}:${RANGE}\n`);
}

/** The environment of a caller: nothing of ours, a runtime directory of its own. */
export function callerEnv(caller: Caller, runtimeDir: string): Record<string, string> {
  return {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: caller.home,
    USER: caller.user,
    LANG: "C.UTF-8",
    XDG_RUNTIME_DIR: runtimeDir,
  };
}

/** Makes a directory that belongs to the caller. */
export function ownedDir(caller: Caller, path: string, mode = 0o755): string {
  mkdirSync(path, { recursive: true });
  chmodSync(path, mode);
  if (isRoot) chownSync(path, caller.uid, caller.gid);
  return path;
}

/** The caller's first subordinate range: [first id, count]. Throws when there is none. */
export function subordinateRange(caller: Caller, file: "/etc/subuid" | "/etc/subgid"): [number, number] {
  const line = readFileSync(file, "utf8")
    .split("\n")
    .find((text) => text.startsWith(`${caller.user}:`) || text.startsWith(`${caller.uid}:`));
  if (line === undefined) throw new Error(`${file} has no line for ${caller.user}`);
  const [, first, count] = line.split(":").map(Number);
  return [first!, count!];
}
