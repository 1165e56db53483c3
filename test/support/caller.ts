/**
 * The callers of the runtime: an unprivileged user and root. If root starts the tests, the user is `bruntest`,
 * which is created if it does not exist. Otherwise it is the user who starts the tests. BRUN_TEST_USER is
 * another name, so that two checkouts can be tested at the same time.
 */
import { spawnSync } from "node:child_process";
import { appendFileSync, chmodSync, chownSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";

/** The name of the unprivileged user that root creates. `userdel -r` removes it. */
export const TEST_USER = process.env.BRUN_TEST_USER || "bruntest";

/** The size of a subordinate range, which is the number of ids that a user may need below 65,536. */
const RANGE = 65536;

/** A user for whom commands run. */
export interface Caller {
  /** "user" or "root", for the names of tests. */
  readonly name: "user" | "root";
  readonly user: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  /** Words before a command that run it as this caller. Empty for the user of this process. */
  readonly prefix: readonly string[];
}

export const isRoot = process.getuid?.() === 0;

/** Runs a host program and returns its stdout. Throws an Error with its output if it fails. */
export function host(...argv: string[]): string {
  const [command, ...args] = argv;
  const { status, stdout, stderr, error } = spawnSync(command!, args, { encoding: "utf8", input: "" });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${argv.join(" ")} exited with ${status}: ${stderr}${stdout}`);
  return stdout;
}

/** Whether a command is installed, also in the sbin directories. */
export function installed(command: string): boolean {
  const path = `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin`;
  return path.split(":").some((dir) => existsSync(`${dir}/${command}`));
}

let cachedUser: Caller | undefined;

/** The unprivileged user. As root, creates it with a home and subordinate ids if necessary. */
export function testUser(): Caller {
  cachedUser ??= isRoot ? madeUser() : ourselves();
  return cachedUser;
}

/** Root; undefined if this process is not root. */
export function testRoot(): Caller | undefined {
  return isRoot ? { name: "root", user: "root", uid: 0, gid: 0, home: "/root", prefix: [] } : undefined;
}

/**
 * All callers for the tests: the user, and also root if root started the tests. CALLER=root in the environment
 * omits the user.
 */
export function callers(): Caller[] {
  const root = testRoot();
  if (root === undefined) return [testUser()];
  return process.env.CALLER === "root" ? [root] : [testUser(), root];
}

function ourselves(): Caller {
  const { uid, gid, homedir } = userInfo();
  // userInfo's username is $USER, which is missing in cron jobs.
  return { name: "user", user: host("id", "-un").trim(), uid, gid, home: homedir, prefix: [] };
}

function madeUser(): Caller {
  // Test files run at the same time, and another one may be creating the user.
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

/** Adds a range for the user after all others to /etc/subuid or /etc/subgid, unless there is one. */
function addRange(file: string): void {
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  if (lines.some((line) => line.startsWith(`${TEST_USER}:`))) return;
  const ends = lines.filter((line) => line.includes(":")).map((line) => line.split(":").slice(1).map(Number));
  const start = Math.max(100000, ...ends.map(([first, count]) => first! + count!));
  appendFileSync(file, `${TEST_USER}:${start}:${RANGE}\n`);
}

/** The environment of a caller: nothing of this process's, and a separate runtime directory. */
export function callerEnv(caller: Caller, runtimeDir: string): Record<string, string> {
  return {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: caller.home,
    USER: caller.user,
    LANG: "C.UTF-8",
    XDG_RUNTIME_DIR: runtimeDir,
  };
}

/** Creates a directory that belongs to the caller. */
export function ownedDir(caller: Caller, path: string, mode = 0o755): string {
  mkdirSync(path, { recursive: true });
  chmodSync(path, mode);
  if (isRoot) chownSync(path, caller.uid, caller.gid);
  return path;
}

/** The caller's first subordinate range: [first id, count]. Throws an Error if there is none. */
export function subordinateRange(caller: Caller, file: "/etc/subuid" | "/etc/subgid"): [number, number] {
  const line = readFileSync(file, "utf8")
    .split("\n")
    .find((text) => text.startsWith(`${caller.user}:`) || text.startsWith(`${caller.uid}:`));
  if (line === undefined) throw new Error(`${file} has no line for ${caller.user}`);
  const [, first, count] = line.split(":").map(Number);
  return [first!, count!];
}
