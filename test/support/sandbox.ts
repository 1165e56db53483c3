/**
 * The sandbox of one test: a directory with bundles and a state directory, a runtime and a caller. `await
 * using` removes everything at the end, and fails the test if the runtime has left something behind.
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

/** The outcome of a command. `code` is null if a signal ended it. */
export interface Outcome {
  readonly code: number | null;
  readonly signal: string | number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CallOptions {
  /** The content of stdin; empty by default. */
  readonly stdin?: string;
  /** Added to the caller's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** File descriptors for 3, 4, … of the runtime. */
  readonly fds?: readonly number[];
  /** Sets LISTEN_PID to the pid of the runtime, as socket activation does. */
  readonly listenPid?: boolean;
  /** Host files to replace for this command (source to target); root only. */
  readonly binds?: Readonly<Record<string, string>>;
  /** The time after which the command is killed and the test fails. */
  readonly timeoutMs?: number;
  readonly cwd?: string;
  /** A program and its arguments that run the runtime. */
  readonly under?: readonly string[];
  /** The same as the caller. */
  readonly around?: readonly string[];
  /** Global flags, before the command. */
  readonly globals?: readonly string[];
}

/** A command that runs while the test continues. */
export interface Running {
  readonly pid: number;
  /** Resolves when the command has ended. */
  readonly done: Promise<Outcome>;
  /** The output so far. */
  stdout(): string;
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
}

const TIMEOUT_MS = 30000 * PATIENCE;

/** The environment variable that marks the processes of a sandbox. */
const MARK = "BRUN_TEST_BOX";

/** The host's ids of root in the container, who should own the root filesystem. */
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

  /** A name for a container, a file or the like, unique on the machine. */
  name(): string {
    this.count += 1;
    return `${this.prefix}${this.count}`;
  }

  /**
   * The common prefix of all names. Other test files that run at the same time have other prefixes. It ends
   * with a dash: "user-1" would match systemd's user-1000.slice, too.
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

  /** Makes a bundle with a busybox root filesystem and {@link baseSpec} after `edit`. Returns its directory. */
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

  /** Starts the runtime on a new terminal. */
  terminal(args: readonly string[], cols = 80, rows = 24): TerminalSession {
    return new TerminalSession(this.argv(args), this.env, this.dir, cols, rows);
  }

  private outputs(): { out: string; err: string; fds: [number, number] } {
    const base = `${this.dir}/${this.name()}`;
    const [out, err] = [`${base}.out`, `${base}.err`];
    return { out, err, fds: [openSync(out, "a", 0o666), openSync(err, "a", 0o666)] };
  }

  /**
   * The stdin of a command. The default is an empty file and not the host's /dev/null, since crun gives devices
   * on stdio to the container's user.
   */
  private stdin({ stdin }: CallOptions): Blob {
    return stdin === undefined ? Bun.file(this.file("empty", "")) : new Blob([stdin]);
  }

  /**
   * Starts the runtime with `--root` and `args`. Output goes to files instead of pipes: a detached container
   * keeps its end open, so a pipe would not end.
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

  /** Runs the runtime, which must succeed. Returns its stdout. */
  async ok(args: readonly string[], options: CallOptions = {}): Promise<string> {
    const outcome = await this.call(args, options);
    if (outcome.code !== 0) {
      throw new Error(
        `${args.join(" ")}: ${outcome.signal ?? outcome.code}: ${outcome.stderr}${outcome.stdout}`,
      );
    }
    return outcome.stdout;
  }

  /** Runs a shell script in a new container by `run`. */
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

  /** Starts a container that sleeps by `run --detach`. `edit` may change its program. Returns its id. */
  async detached(edit: (spec: TestSpec) => void = () => undefined): Promise<string> {
    const id = this.name();
    const bundle = this.bundle((spec) => {
      spec.process.args = ["/bin/sleep", "1000"];
      edit(spec);
    });
    await this.ok(["run", "--detach", "--bundle", bundle, id]);
    return id;
  }

  /** Runs a shell script in a running container by `exec`. */
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

  /** Waits until a container has a status. */
  async untilStatus(id: string, status: string): Promise<void> {
    const deadline = performance.now() + 10000 * PATIENCE;
    for (;;) {
      const now = (await this.inspect(id)).status;
      if (now === status) return;
      if (performance.now() > deadline) throw new Error(`${id} is ${now}, not ${status}, after 10 s`);
      await Bun.sleep(20);
    }
  }

  /** Whether the state directory has this id. */
  known(id: string): boolean {
    return existsSync(`${this.state}/${id}`);
  }

  /** The ids in the state directory. Names with "@" are cached plans and other files. */
  containers(): string[] {
    return readdirSync(this.state).filter((name) => !name.startsWith("@"));
  }

  /** The remains of a container or of the whole sandbox in words. Empty if there are none. */
  leftovers(id?: string): string[] {
    const found = processesOf(this.dir).map(({ pid, command }) => `process ${pid}: ${command}`);
    found.push(...mountsBelow(this.dir).map((target) => `mount ${target}`));
    found.push(...cgroupsNamed(id ?? this.prefix).map((path) => `cgroup ${path}`));
    if (id !== undefined && this.known(id)) found.push(`state ${this.state}/${id}`);
    return found;
  }

  /** Waits until nothing of a container is left. A killed process needs a moment. */
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
      // If the test has failed already, bun shows neither its error nor this one.
      console.error(`${(error as Error).message}; the last command's outcome: ${JSON.stringify(this.last)}`);
      // Mounts go first. Otherwise the files in them would be removed.
      for (const target of mountsBelow(this.dir)) Bun.spawnSync(["umount", "--lazy", target]);
      for (const { pid } of processesOf(this.dir)) killHard(pid);
      for (const path of cgroupsNamed(this.prefix).reverse()) rmdirSync(path);
      throw error;
    } finally {
      await this.remove();
    }
  }

  /** Removes the directory, also if it has files of the caller's subordinate ids. */
  private async remove(): Promise<void> {
    try {
      rmSync(this.dir, { recursive: true, force: true });
    } catch {
      const argv = ["unshare", "--user", "--map-root-user", "--map-auto", "rm", "-rf", this.dir];
      await Bun.spawn(argv, { stdio: ["ignore", "ignore", "inherit"] }).exited;
    }
  }
}
