/**
 * A changing machine for containers without a bundle. Between two runs change: files in a home, secrets and the
 * paths to them, mounts, the environment, the caller. changing-world.ts does the same for bundles.
 */
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { isRoot } from "./caller.ts";
import {
  Changing,
  type Circumstances,
  type Dimension,
  environment,
  oneOf,
  type Ran,
  shell,
  usable,
  withMounts,
} from "./changing.ts";
import type { Sandbox } from "./sandbox.ts";
import { ENOSYS, EPERM, refusing, without } from "./without.ts";
import { brunPath } from "./workspace.ts";

interface HomeRun extends Circumstances {
  /** Programs that run the next word as the caller. */
  readonly under: string[];
  flags: readonly string[];
  cwd: string;
  word: string;
}

type Thing = Dimension<Home, HomeRun>;

/** All secrets contain this text. */
const SECRET = "SECRET";

const LOOK = `id; pwd; echo "$@"; env | sort; umask; ulimit -n
grep -E '^(Cap|NoNewPrivs|Seccomp|SigIgn)' /proc/self/status; cat /proc/self/uid_map
cat /proc/self/mountinfo | sed 's/^[0-9]* [0-9]* [0-9:]*//; s/ \\(master\\|shared\\):[0-9]*//g; s,/proc/self/fd/*[0-9]*,FD,g'
for home in BOX/home BOX/other; do ls -lAn $home | awk '{print $1, $3, $4, $9, $10, $11}'; done
find BOX/home BOX/other BOX/tmp -type f 2>/dev/null | sort | while read -r file; do echo "$file"; cat "$file" 2>&1; done
cat BOX/home/.netrc BOX/home/.ssh/id BOX/home/.config/gh/hosts.yml BOX/home/alias/id 2>&1
stat -Lc '%F %u' /proc/self/fd/0 /proc/self/fd/1; ls /run`;

/** Makes a file or directory that belongs to the caller. */
function put(home: Home, path: string, text: string | null): void {
  const parent = path.slice(0, path.lastIndexOf("/"));
  if (!existsSync(parent)) put(home, parent, null);
  if (text === null) mkdirSync(path);
  else writeFileSync(path, text);
  home.own(path);
}

function link(home: Home, target: string, path: string): void {
  symlinkSync(target, path);
  if (isRoot) lchownSync(path, home.uid, home.gid);
}

const flags = (...all: ((home: Home) => readonly string[])[]): Thing => ({
  name: "flags",
  values: all.length,
  be(value, home, now) {
    now.flags = all[value]!(home);
  },
});

const mount = (name: string, ...commands: ((home: Home) => string)[]): Thing => ({
  ...oneOf(name, commands, (command, { mounts }, home: Home) => mounts.push(command(home))),
  root: true,
});

const THINGS = usable<Home, HomeRun>([
  flags(
    () => ["--host"],
    () => ["--host", "--read-only"],
    () => ["--host", "--with-secrets", "--no-init"],
    ({ dir }) => ["--host", "-v", `${dir}/other:/srv`, "-e", "PLAIN"],
    ({ dir }) => ["--host", "--hide", `${dir}/other`],
    ({ rootfs }) => ["--rootfs", rootfs],
    ({ rootfs }) => ["--rootfs", rootfs, "--network", "host", "-i"],
  ),
  {
    name: "secrets at home",
    values: 6,
    be(value, home) {
      const at = (name: string) => `${home.dir}/home/${name}`;
      for (const name of [".ssh", ".netrc", "keys", "ssh"])
        rmSync(at(name), { recursive: true, force: true });
      if (value === 1 || value === 5) put(home, at(".ssh/id"), `${SECRET}\n`);
      if (value === 2) put(home, at(".netrc"), `${SECRET}\n`);
      if (value === 3) put(home, at("keys"), `${SECRET}\n`);
      if (value === 3) link(home, "keys", at(".netrc"));
      if (value === 4) put(home, at("ssh/id"), `${SECRET}\n`);
      if (value === 4) link(home, "ssh", at(".ssh"));
      // A link in a directory of secrets leads to another secret.
      if (value === 5) put(home, at("keys"), `${SECRET}\n`);
      if (value === 5) link(home, "../keys", at(".ssh/other"));
    },
  },
  {
    name: "settings",
    values: 3,
    be(value, home) {
      const at = (name: string) => `${home.dir}/home/${name}`;
      for (const name of [".config", "config"]) rmSync(at(name), { recursive: true, force: true });
      if (value > 0)
        put(home, at(value === 1 ? ".config/gh/hosts.yml" : "config/gh/hosts.yml"), `${SECRET}\n`);
      if (value === 2) link(home, "config", at(".config"));
    },
  },
  {
    name: "other files at home",
    values: 3,
    be(value, home) {
      rmSync(`${home.dir}/home/notes`, { force: true });
      if (value > 0) put(home, `${home.dir}/home/notes`, "x".repeat(value));
    },
  },
  {
    name: "files of brun at home",
    values: 2,
    be(value, home) {
      if (value === 1) rmSync(`${home.dir}/home/.local`, { recursive: true, force: true });
    },
  },
  {
    name: "files of others in the current directory",
    values: 2,
    root: true,
    be(value, { dir }) {
      const path = `${dir}/home/project/foreign`;
      rmSync(path, { force: true });
      if (value === 1) writeFileSync(path, "foreign\n", { mode: 0o666 });
      if (value === 1) chmodSync(path, 0o666);
    },
  },
  {
    name: "modes",
    values: 3,
    be(value, { dir }) {
      chmodSync(`${dir}/home`, [0o755, 0o700, 0o777][value]!);
      chmodSync(`${dir}/home/project`, [0o755, 0o500, 0o755][value]!);
    },
  },
  {
    name: "current directory",
    values: 9,
    be(value, { dir }, now) {
      const homes = ["project", "project/sub", 'größe "x"', "", ".ssh", ".config/gh", "foreign"];
      now.cwd = ["/", `${dir}/other`, ...homes.map((name) => `${dir}/home/${name}`)].at((value + 2) % 9)!;
    },
  },
  {
    name: "/etc/passwd in the root",
    values: 2,
    be: (value, { rootfs }) =>
      writeFileSync(`${rootfs}/etc/passwd`, `root:x:0:0::/${["root", "tmp"][value]}:/bin/sh\n`),
  },
  {
    name: "words",
    values: 3,
    be(value, _, now) {
      now.word = ["one", 'größe \\ "', ""][value]!;
    },
  },
  environment(
    "HOME",
    ({ dir }) => `${dir}/other`,
    () => "/",
  ),
  environment("XDG_CONFIG_HOME", ({ dir }) => `${dir}/other/config`),
  environment("TMPDIR", ({ dir }) => `${dir}/tmp`),
  environment("NETRC", ({ dir }) => `${dir}/other/shown`),
  environment(
    "MY_TOKEN",
    ({ dir }) => `${dir}/other/shown`,
    () => SECRET,
  ),
  environment(
    "PLAIN",
    () => "1",
    () => "/some/where",
    () => `https://user:${SECRET}@host/`,
    () => "a value that is longer than most",
  ),
  environment("SHLVL", () => "7"),
  environment("PATH", () => "/usr/bin:/bin"),
  environment("SHELL", () => "/bin/dash"),
  environment("LISTEN_FDS", () => "0"),
  shell("umask", "umask 077"),
  shell("limit of open files", "ulimit -n 800"),
  shell("signals", "trap '' INT HUP TERM"),
  {
    name: "kind of stdin",
    values: 3,
    be(value, { box }, { redirections }) {
      if (value > 0) redirections.push(["", "</dev/null", `<${box.file("empty", "")}`][value]!);
    },
  },
  {
    name: "what is refused",
    values: 4,
    be(value, _, { under }) {
      if (value === 1) under.push(...without(refusing(["close_range"], ENOSYS)));
      if (value === 2) under.push(...without(refusing(["mount_setattr"], EPERM)));
      if (value === 3) under.push("setpriv", "--no-new-privs");
    },
  },
  mount(
    "mounts at home",
    ({ dir }) => `mount -t tmpfs tmpfs ${dir}/home/project`,
    ({ dir }) =>
      `mkdir -p ${dir}/home/alias; [ -d ${dir}/home/.ssh ] && mount --bind ${dir}/home/.ssh ${dir}/home/alias`,
    ({ dir }) => `mount --bind ${dir}/other ${dir}/home/project`,
  ),
  mount(
    "mounts elsewhere",
    () => "mount -t tmpfs tmpfs /srv",
    () => "mount -t tmpfs tmpfs /opt; mkdir /opt/inside",
  ),
  mount("/etc/passwd", ({ dir, passwd }) => {
    writeFileSync(`${dir}/passwd`, passwd);
    return `mount --bind ${dir}/passwd /etc/passwd`;
  }),
]);

/** The number of things that can change. */
export const HOME_CHANGES = THINGS.length;

/** The current directory among them. */
export const DIRECTORY = THINGS.findIndex(({ name }) => name === "current directory");

export class Home extends Changing<Home, HomeRun> {
  readonly dir: string;
  readonly rootfs: string;
  readonly uid: number;
  readonly gid: number;

  constructor(box: Sandbox) {
    super(box, THINGS);
    const { caller } = box.subject;
    this.dir = box.dir;
    [this.uid, this.gid] = [caller.uid, caller.gid];
    this.rootfs = `${box.bundle()}/rootfs`;
    mkdirSync(box.state, { recursive: true, mode: 0o700 });
    this.own(box.state);
    // A run that compiles a filter makes the cache directory, and cannot hide it any more. So it exists from
    // the beginning.
    const caches = ["home/.cache/brun", "other/.cache/brun"];
    for (const name of ["home/project/sub", 'home/größe "x"', "other/config/gh", "tmp/ssh-x", ...caches])
      put(this, `${this.dir}/${name}`, null);
    // Of another user, who lets all write.
    mkdirSync(`${this.dir}/home/foreign`);
    chmodSync(`${this.dir}/home/foreign`, 0o777);
    // These notes are shown once. The files mark them as shown.
    for (const name of ["userns", "proc"]) put(this, `${box.state}/@told/${name}`, "");
    put(this, `${this.dir}/other/shown`, "shown\n");
    put(this, `${this.dir}/other/.netrc`, `${SECRET}\n`);
    put(this, `${this.dir}/other/config/gh/hosts.yml`, `${SECRET}\n`);
    put(this, `${this.dir}/tmp/ssh-x/agent`, `${SECRET}\n`);
  }

  /** passwd(5) with another home for the caller. */
  get passwd(): string {
    const line = new RegExp(`^(${this.box.subject.caller.user}(:[^:\n]*){4}):[^:\n]*`, "m");
    return readFileSync("/etc/passwd", "utf8").replace(line, `$1:${this.dir}/other`);
  }

  own(path: string): void {
    if (isRoot) chownSync(path, this.uid, this.gid);
  }

  /** Runs brun in this home. `bun`: without the front. */
  run(bun: boolean): Ran {
    const { box, dir } = this;
    const { user } = box.subject.caller;
    const now: HomeRun = {
      mounts: [],
      under: [],
      shell: [],
      redirections: [],
      env: {},
      flags: [],
      cwd: dir,
      word: "",
    };
    this.become(this, now);
    const asUser = ["setpriv", `--reuid=${user}`, `--regid=${this.gid}`, "--init-groups", "--inh-caps=-all"];
    // Mounts in another namespace have other ids, and the output has these ids.
    const mounts = now.mounts.length === 0 ? [] : withMounts(now.mounts);
    // Some of the directories are not always there.
    const go = `cd '${now.cwd}' 2>/dev/null || cd '${dir}/home/project'`;
    const script = `${go}; ${now.shell.join("; ")}\nexec "$@" ${now.redirections.join(" ")}`;
    const argv = [
      ...(isRoot ? [...mounts, ...asUser] : []),
      ...["sh", "-c", script, "sh", ...now.under],
      ...["env", ...Object.entries(now.env).map(([name, value]) => `${name}=${value}`)],
      ...[brunPath(), "--root", box.state, ...(bun ? ["--rootless=auto"] : [])],
      ...["run", ...now.flags, "--", "sh", "-c", LOOK.replaceAll("BOX", dir), "sh", now.word],
    ];
    return this.start(argv, /(host|rootfs)-[0-9a-f]{6}/g, {
      cwd: "/",
      env: { ...box.env, HOME: `${dir}/home` },
    });
  }
}
