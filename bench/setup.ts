/** The setup of the benchmark: the timer, bundles with a tiny program, and the runtimes. */
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { type Caller, callerEnv, host, isRoot, ownedDir, testUser } from "../test/support/caller.ts";
import { compile } from "../test/support/compiled.ts";
import { inPrivateMounts, pureCgroup2 } from "../test/support/runtime.ts";
import { baseSpec, mapManyIds, type TestSpec } from "../test/support/spec.ts";
import { dockerLikeProfile } from "./seccomp.ts";

const TRUE = `${import.meta.dir}/true.c`;
const SBIN = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Where and as whom everything runs. */
export class Stand implements Disposable {
  readonly dir: string;
  readonly user: Caller = testUser();
  /**
   * Absolute paths by name: brun, crun, runc and bwrap, without those that are not installed or cannot run here,
   * and what the command line names.
   */
  readonly programs: Readonly<Record<string, string>>;
  private readonly env: Record<string, string>;
  /** Preparations of the private mount namespace in which everything runs, if root starts the benchmark. */
  private readonly mounts: string[] = isRoot && !pureCgroup2 ? ["cgroup2"] : [];

  /** @param named programs of the command line, which come before those that are installed */
  constructor(named: Readonly<Record<string, string>> = {}) {
    this.dir = mkdtempSync(`${tmpdir()}/brun-bench-`);
    ownedDir(this.user, this.dir);
    const env = callerEnv(this.user, ownedDir(this.user, `${this.dir}/run`, 0o700));
    this.env = { ...env, XDG_DATA_HOME: ownedDir(this.user, `${this.dir}/data`, 0o700) };
    const { dir } = this;
    const programs: Record<string, string> = { brun: `${import.meta.dir}/../dist/brun`, ...named };
    // The user need not be able to read what is measured, and the directory is where all of it lies on one file system.
    for (const [name, path] of Object.entries(programs)) {
      programs[name] = `${dir}/${name}`;
      copyFileSync(path, programs[name]);
      chmodSync(programs[name], 0o755);
    }
    this.programs = { ...this.installed(named), ...programs };
    compile(`${import.meta.dir}/timer.c`, `${dir}/timer`, "-O2");
    compile(TRUE, `${dir}/true`, "-Os", "-nostdlib");
  }

  /** The runtimes, which all take runc's command line: all but bubblewrap. */
  get runtimes(): readonly string[] {
    return Object.keys(this.programs).filter((name) => name !== "bwrap");
  }

  private installed(named: Readonly<Record<string, string>>): Record<string, string> {
    const found: Record<string, string> = {};
    for (const name of ["crun", "runc", "bwrap"]) {
      if (name in named) continue;
      const path = Bun.which(name, { PATH: SBIN });
      if (path === null) console.error(`bench: ${name} is not installed and left out`);
      else if (name === "crun" && !pureCgroup2 && !isRoot) {
        console.error("bench: crun refuses hybrid cgroups, and only root can hide them: left out");
      } else found[name] = path;
    }
    return found;
  }

  /** A bundle of the user's whose root filesystem has nothing but /bin/true. Returns its directory. */
  bundle(name: string, edit: (spec: TestSpec) => void = () => undefined): string {
    const dir = ownedDir(this.user, `${this.dir}/${name}`);
    for (const path of ["rootfs", ...["bin", "dev", "proc", "sys", "tmp"].map((d) => `rootfs/${d}`)]) {
      ownedDir(this.user, `${dir}/${path}`);
    }
    copyFileSync(`${this.dir}/true`, `${dir}/rootfs/bin/true`);
    const spec = baseSpec(this.user);
    edit(spec);
    writeFileSync(`${dir}/config.json`, JSON.stringify(spec, null, 2));
    if (isRoot)
      for (const file of ["rootfs/bin/true", "config.json"])
        chownSync(`${dir}/${file}`, this.user.uid, this.user.gid);
    return dir;
  }

  /** Adds a program that does nothing until it is killed. */
  addPause(path: string): void {
    compile(TRUE, path, "-Os", "-nostdlib", "-DPAUSE");
  }

  manyIds = (spec: TestSpec): void => mapManyIds(spec, this.user);

  docker = (spec: TestSpec): void => {
    spec.linux.seccomp = dockerLikeProfile();
  };

  /** The state directory of a runtime. */
  root(name: string): string {
    const path = `${this.dir}/state-${name}`;
    mkdirSync(path, { recursive: true });
    return ownedDir(this.user, path, 0o700);
  }

  /**
   * Lets the user open a device that only root may open: a copy lies over it in the private mount namespace. The
   * result is false if the user cannot open it.
   */
  openDevice(path: string, major: number, minor: number): boolean {
    if (Bun.spawnSync([...this.user.prefix, "test", "-w", path]).exitCode === 0) return true;
    if (!isRoot || !existsSync(path)) return false;
    const copy = `${this.dir}/device-${major}-${minor}`;
    if (!existsSync(copy)) {
      host("mknod", copy, "c", `${major}`, `${minor}`);
      chmodSync(copy, 0o666);
      this.mounts.push(`${copy}:${path}`);
    }
    return true;
  }

  /** The command line that runs as the user with a pure cgroup v2 view; all that is compared runs in one. */
  private argv(argv: readonly string[]): string[] {
    const full = [...this.user.prefix, ...argv];
    return this.mounts.length > 0 ? inPrivateMounts(this.mounts, full) : full;
  }

  private options = (): { cwd: string; env: Record<string, string> } => ({ cwd: this.dir, env: this.env });

  /** Runs a command to its end and returns its output. */
  output(argv: readonly string[], stdin = ""): string {
    const options = { ...this.options(), stdin: new Blob([stdin]), stderr: "inherit" as const };
    const { exitCode, stdout } = Bun.spawnSync(this.argv(argv), options);
    if (exitCode !== 0) throw new Error(`${argv.join(" ")} exited with ${exitCode}`);
    return stdout.toString();
  }

  /** Runs a command that leaves a process behind, so its output is no pipe. */
  start(argv: readonly string[]): void {
    const { exitCode } = Bun.spawnSync(this.argv(argv), {
      ...this.options(),
      stdio: ["ignore", "ignore", "inherit"],
    });
    if (exitCode !== 0) throw new Error(`${argv.join(" ")} exited with ${exitCode}`);
  }

  /** Starts a command that goes on. Returns its process id. */
  background(argv: readonly string[]): number {
    const child = Bun.spawn(this.argv(argv), { ...this.options(), stdio: ["ignore", "ignore", "inherit"] });
    child.unref();
    return child.pid;
  }

  /** Runs a command that leaves a process behind again and again, "@" in a word being the number. */
  repeat(argv: readonly string[], times: number): void {
    const command =
      'n=$1; shift; i=0; while [ $i -lt $n ]; do eval "$(printf " %s" "$@" | sed "s/@/$i/g")"; i=$((i+1)); done';
    this.start(["/bin/sh", "-ec", command, "sh", `${times}`, ...argv]);
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
