/**
 * One test's world: a directory with bundles and a state directory, a runtime and a caller. `await using` makes
 * sure that nothing of it stays, whatever happened, and fails the test when something would have.
 */
import {
  chownSync,
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename } from "node:path";
import { type Caller, callerEnv, isRoot, ownedDir } from "./caller.ts";
import { cgroupsNamed, killHard, mountsBelow, PATIENCE, processesOf, until } from "./processes.ts";
import { makeRootfs, type Owner } from "./rootfs.ts";
import { runtimeArgv, type Subject } from "./runtime.ts";
import { baseSpec, type IdMap, type TestSpec } from "./spec.ts";
import { TerminalSession } from "./terminal.ts";
import { boxDir } from "./workspace.ts";

/** How a command ended. `code` is null when a signal ended it. */
export interface Outcome {
  readonly code: number | null;
  readonly signal: string | number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CallOptions {
  /** What stdin reads; /dev/null without it. */
  readonly stdin?: string;
  /** Added to the caller's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** File descriptors that become 3, 4, … of the runtime. */
  readonly fds?: readonly number[];
  /** Sets LISTEN_PID to the pid of the runtime, as socket activation does. */
  readonly listenPid?: boolean;
  /** Host files to replace for this command (source to target); root only. */
  readonly binds?: Readonly<Record<string, string>>;
  /** After which the command is killed and the test fails. */
  readonly timeoutMs?: number;
  readonly cwd?: string;
  /** A program and its arguments that is to run the runtime. */
  readonly under?: readonly string[];
  /** The same, but as the caller. */
  readonly around?: readonly string[];
  /** Global flags, before the command. */
  readonly globals?: readonly string[];
}

/** A command that goes on while the test does something else. */
export interface Running {
  readonly pid: number;
  /** Ends when the command does. */
  readonly done: Promise<Outcome>;
  /** What it has written so far. */
  stdout(): string;
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
}

const TIMEOUT_MS = 30000 * PATIENCE;

/** The environment variable by which the processes of a sandbox are known. */
const MARK = "BRUN_TEST_BOX";

/** Who is root in the container, and so should own its root filesystem. */
function rootOwner(spec: TestSpec, caller: Caller): Owner {
  const { uidMappings, gidMappings } = spec.linux ?? {};
  if (!Array.isArray(uidMappings) || !Array.isArray(gidMappings) || caller.uid !== 0) return caller;
  const find = (map: IdMap[]): number => map.find(({ containerID }) => containerID === 0)?.hostID ?? 0;
  return { uid: find(uidMappings), gid: find(gidMappings) };
}

export class Sandbox implements AsyncDisposable {
  readonly dir: string;
  /** The state directory: --root. */
  readonly state: string;
  readonly env: Readonly<Record<string, string>>;
  private count = 0;
  private last: Outcome | undefined;
  private readonly running: Bun.Subprocess[] = [];

  constructor(readonly subject: Subject) {
    const { caller } = subject;
    this.dir = boxDir(caller);
    this.state = `${this.dir}/state`;
    this.env = { ...callerEnv(caller, ownedDir(caller, `${this.dir}/run`, 0o700)), [MARK]: this.dir };
  }

  /** A container id, file name or the like that nothing else on the machine has. */
  name(): string {
    this.count += 1;
    return `${this.prefix}${this.count}`;
  }

  /**
   * What all names begin with, and those of other test files that run at the same time do not. With the dash: "user-1"
   * would also be found in systemd's user-1000.slice.
   */
  private get prefix(): string {
    return `${basename(this.dir)}-${process.pid}-`;
  }

  /** Writes a file that belongs to the caller and returns its path. */
  file(name: string, text: string, mode = 0o644): string {
    const path = `${this.dir}/${name}`;
    writeFileSync(path, text, { mode });
    if (isRoot) chownSync(path, this.subject.caller.uid, this.subject.caller.gid);
    return path;
  }

  /** A bundle with a busybox root filesystem and {@link baseSpec} after `edit`. Returns its directory. */
  bundle(edit: (spec: TestSpec) => void = () => undefined): string {
    const dir = ownedDir(this.subject.caller, `${this.dir}/${this.name()}`);
    const spec = baseSpec(this.subject.caller);
    spec.process.env.push(`${MARK}=${this.dir}`);
    edit(spec);
    makeRootfs(`${dir}/rootfs`, rootOwner(spec, this.subject.caller));
    this.file(`${basename(dir)}/config.json`, JSON.stringify(spec, null, 2));
    return dir;
  }

  /** The command line of the runtime with `--root` and `args`. */
  argv(args: readonly string[], options: CallOptions = {}): string[] {
    const listen = ["sh", "-c", 'export LISTEN_PID=$$; exec "$@"', "sh"];
    return [
      ...(options.under ?? []),
      ...(options.listenPid ? listen : []),
      ...runtimeArgv(this.subject, options.binds, options.around),
      "--root",
      this.state,
      ...(options.globals ?? []),
      ...args,
    ];
  }

  /** Starts the runtime on a terminal of its own. */
  terminal(args: readonly string[], cols = 80, rows = 24): TerminalSession {
    return new TerminalSession(this.argv(args), this.env, this.dir, cols, rows);
  }

  private outputs(): { out: string; err: string; fds: [number, number] } {
    const base = `${this.dir}/${this.name()}`;
    const [out, err] = [`${base}.out`, `${base}.err`];
    return { out, err, fds: [openSync(out, "a", 0o666), openSync(err, "a", 0o666)] };
  }

  /**
   * What stdin reads. An empty file stands for nothing: crun gives devices that it has as stdio to the
   * container's user, which would be the host's /dev/null.
   */
  private stdin({ stdin }: CallOptions): Blob {
    return stdin === undefined ? Bun.file(this.file("empty", "")) : new Blob([stdin]);
  }

  /**
   * Starts the runtime with `--root` and `args`. Output goes to files, not pipes: a detached container keeps
   * its end open, and a pipe would never be at its end.
   */
  spawn(args: readonly string[], options: CallOptions = {}): Running {
    const { out, err, fds } = this.outputs();
    const child = Bun.spawn(this.argv(args, options), {
      cwd: options.cwd ?? this.dir,
      env: { ...this.env, ...options.env },
      stdio: [this.stdin(options), ...fds, ...(options.fds ?? [])],
    });
    for (const fd of fds) closeSync(fd);
    this.running.push(child);
    const stdout = (): string => readFileSync(out, "utf8");
    const stderr = (): string => readFileSync(err, "utf8");
    const limit = options.timeoutMs ?? TIMEOUT_MS;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, limit);
    const done = child.exited.then(() => {
      clearTimeout(timer);
      if (late) throw new Error(`${args.join(" ")}: not done after ${limit} ms; stderr: ${stderr()}`);
      this.last = { code: child.exitCode, signal: child.signalCode, stdout: stdout(), stderr: stderr() };
      return this.last;
    });
    return { pid: child.pid, done, stdout, stderr, kill: (signal) => child.kill(signal) };
  }

  /** Runs the runtime to its end. */
  call(args: readonly string[], options: CallOptions = {}): Promise<Outcome> {
    return this.spawn(args, options).done;
  }

  /** Runs the runtime, which must succeed; returns its stdout. */
  async ok(args: readonly string[], options: CallOptions = {}): Promise<string> {
    const outcome = await this.call(args, options);
    if (outcome.code !== 0) {
      throw new Error(
        `${args.join(" ")}: ${outcome.signal ?? outcome.code}: ${outcome.stderr}${outcome.stdout}`,
      );
    }
    return outcome.stdout;
  }

  /** `run` of a shell script in a new container. */
  sh(
    script: string,
    edit: (spec: TestSpec) => void = () => undefined,
    options: CallOptions = {},
  ): Promise<Outcome> {
    const bundle = this.bundle((spec) => {
      spec.process.args = ["/bin/sh", "-c", script];
      edit(spec);
    });
    return this.call(["run", "--bundle", bundle, this.name()], options);
  }

  /** `run --detach` of a container that sleeps, or runs `args`; returns its id. */
  async detached(edit: (spec: TestSpec) => void = () => undefined): Promise<string> {
    const id = this.name();
    const bundle = this.bundle((spec) => {
      spec.process.args = ["/bin/sleep", "1000"];
      edit(spec);
    });
    await this.ok(["run", "--detach", "--bundle", bundle, id]);
    return id;
  }

  /** `exec` of a shell script in a running container. */
  exec(
    id: string,
    script: string,
    flags: readonly string[] = [],
    options: CallOptions = {},
  ): Promise<Outcome> {
    return this.call(["exec", ...flags, id, "/bin/sh", "-c", script], options);
  }

  /** The `state` of a container. */
  async inspect(id: string): Promise<{ status: string; pid: number; [key: string]: unknown }> {
    return JSON.parse(await this.ok(["state", id]));
  }

  /** Waits for a container to have a status. */
  async untilStatus(id: string, status: string): Promise<void> {
    const deadline = performance.now() + 10000 * PATIENCE;
    for (;;) {
      const now = (await this.inspect(id)).status;
      if (now === status) return;
      if (performance.now() > deadline) throw new Error(`${id} is ${now}, not ${status}, after 10 s`);
      await Bun.sleep(20);
    }
  }

  /** Whether the state directory has anything for this id. */
  known(id: string): boolean {
    return existsSync(`${this.state}/${id}`);
  }

  /** Ids that the state directory has anything for; besides them it keeps plans of runs, and what was said once. */
  containers(): string[] {
    return readdirSync(this.state).filter((name) => !name.startsWith("@"));
  }

  /** What is left of a container or of the whole sandbox, in words; empty when nothing is. */
  leftovers(id?: string): string[] {
    const found = processesOf(this.dir).map(({ pid, command }) => `process ${pid}: ${command}`);
    found.push(...mountsBelow(this.dir).map((target) => `mount ${target}`));
    found.push(...cgroupsNamed(id ?? this.prefix).map((path) => `cgroup ${path}`));
    if (id !== undefined && this.known(id)) found.push(`state ${this.state}/${id}`);
    return found;
  }

  /** Waits for everything of a container to be gone: a killed process takes a moment. */
  async untilGone(id?: string): Promise<void> {
    await until(
      `nothing left of ${id ?? this.dir}`,
      () => this.leftovers(id).length === 0,
      5000 * PATIENCE,
    ).catch(() => {
      throw new Error(`left behind: ${this.leftovers(id).join("; ")}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.running) if (child.exitCode === null) child.kill("SIGKILL");
    await Promise.all(this.running.map((child) => child.exited));
    if (existsSync(this.state)) {
      const { stdout } = await this.call(["list", "--quiet"]);
      for (const id of stdout.split("\n").filter(Boolean)) await this.call(["delete", "--force", id]);
    }
    try {
      await this.untilGone();
    } catch (error) {
      // When the test has failed already, bun shows neither its error nor this one.
      console.error(`${(error as Error).message}; the last command's outcome: ${JSON.stringify(this.last)}`);
      throw error;
    } finally {
      // Before anything is removed: it would be removed in what is mounted there.
      for (const target of mountsBelow(this.dir)) Bun.spawnSync(["umount", "--lazy", target]);
      for (const { pid } of processesOf(this.dir)) killHard(pid);
      for (const path of cgroupsNamed(this.prefix).reverse()) rmdirSync(path);
      await this.remove();
    }
  }

  /** Removes the directory, also when it holds files of ids that are only mapped for the caller. */
  private async remove(): Promise<void> {
    try {
      rmSync(this.dir, { recursive: true, force: true });
    } catch {
      const argv = ["unshare", "--user", "--map-root-user", "--map-auto", "rm", "-rf", this.dir];
      await Bun.spawn(argv, { stdio: ["ignore", "ignore", "inherit"] }).exited;
    }
  }
}
