/**
 * A changing machine for bundles. A world has one value for each thing that can change: the caller, its rights
 * and its view of the machine.
 */
import { randomUUID } from "node:crypto";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import type { SyscallName } from "../../src/sys/syscalls.ts";
import { cachedPlans } from "./cached.ts";
import { isRoot, subordinateRange } from "./caller.ts";
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
import type { TestSpec } from "./spec.ts";
import { ENOSYS, EPERM, refusing, without } from "./without.ts";
import { brunPath } from "./workspace.ts";

/** The parts of a run besides the bundle. */
interface BundleRun extends Circumstances {
  /** Programs that run the next word: as root, and as the caller. */
  readonly asRoot: string[];
  readonly asCaller: string[];
  readonly setpriv: string[];
  readonly flags: string[];
  brun: string;
}

const LOOK = `id; pwd; env | sort; hostname; umask; ulimit -a; ulimit -Ha
grep -E '^(Cap|NoNewPrivs|Seccomp|Sig(Blk|Ign|Cgt)|Umask|Groups|CoreDumping)' /proc/self/status
cat /proc/self/cgroup /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups /proc/self/oom_score_adj /proc/self/limits
cat /proc/self/mountinfo | sed 's/^[0-9]* [0-9]* [0-9:]*//; s/ \\(master\\|shared\\):[0-9]*//g'
stat -c '%A %u %g %t:%T %n' /dev/* /data/* 2>&1; cat /data/file 2>&1; readlink /data/link 2>&1
stat -Lc '%u %a' /proc/self/fd/0 /proc/self/fd/1; ls /proc/self/fd | wc -l; ls /sys/fs/cgroup 2>&1 | head -3
exit $((\${#VALUE} % 7))`;

const errno = { action: "SCMP_ACT_ERRNO", names: ["chmod", "fchmodat"], errnoRet: 5 };

/** The common part of all configs: limits, visible cgroups, bind mounts. */
function common(spec: TestSpec, box: Sandbox): void {
  const source = `${box.dir}/shared`;
  spec.process.args = ["/bin/sh", "-c", LOOK];
  spec.process.env.push("VALUE=aaaaaa");
  spec.process.rlimits = [{ type: "RLIMIT_NOFILE", hard: 900, soft: 256 }];
  spec.mounts = spec.mounts.filter(({ type }) => type !== "cgroup");
  spec.mounts.push(
    { destination: "/sys/fs/cgroup", type: "cgroup", options: ["ro", "nosuid"] },
    { destination: "/data/file", type: "bind", source, options: ["bind", "ro"] },
    { destination: "/data/link", type: "bind", source, options: ["bind", "copy-symlink"] },
  );
  spec.root.readonly = false;
}

/** Configs whose plans depend on different things. */
const BUNDLES: readonly ((spec: TestSpec, box: Sandbox) => void)[] = [
  // The default ids.
  (spec) => {
    spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "user");
    delete spec.linux.uidMappings;
    delete spec.linux.gidMappings;
    spec.process.oomScoreAdj = 500;
  },
  // One id, and HOME from /etc/passwd.
  (spec) => {
    spec.process.env = spec.process.env.filter((name) => !name.startsWith("HOME="));
    spec.annotations = { "run.oci.keep_original_groups": "1" };
  },
  // Another user, to whom stdio is given, and a filter.
  (spec, { subject: { caller } }) => {
    const map = (id: number, file: "/etc/subuid" | "/etc/subgid") => [
      { containerID: 0, hostID: id, size: 1 },
      { containerID: 1, hostID: subordinateRange(caller, file)[0], size: 5000 },
    ];
    spec.linux.uidMappings = map(caller.uid, "/etc/subuid");
    spec.linux.gidMappings = map(caller.gid, "/etc/subgid");
    spec.process.user = { uid: 1000, gid: 1001, umask: 0o27, additionalGids: [5, 6] };
    spec.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [errno] };
  },
];

const REFUSED: readonly (readonly [SyscallName[], number])[] = [
  [["close_range"], ENOSYS],
  [["mount_setattr"], EPERM],
  [["pidfd_open", "pidfd_send_signal"], ENOSYS],
  [["clone3", "close_range"], EPERM],
];

/** Replaces a file of the machine by a bind mount for the run. */
const replaced =
  (target: string, ...texts: readonly ((world: World) => string)[]) =>
  (value: number, world: World, { mounts }: Circumstances): void => {
    if (value === 0) return;
    const path = `${world.box.dir}/${target.replaceAll("/", "_")}-${value}`;
    if (!existsSync(path)) writeFileSync(path, texts[value - 1]!(world), { mode: 0o644 });
    mounts.push(`mount --bind ${path} ${target}`);
  };

const subordinate =
  (file: "/etc/subuid" | "/etc/subgid", size: number) =>
  ({ box: { subject } }: World): string =>
    `${subject.caller.user}:${subordinateRange(subject.caller, file)[0]}:${size}\n`;

/** Words before the command that only root can use. */
const words = (
  of: "asRoot" | "setpriv",
  name: string,
  ...all: (readonly string[])[]
): Dimension<World, BundleRun> => ({
  ...oneOf(name, all, (more, now: BundleRun) => now[of].push(...more)),
  root: true,
});

const THINGS = usable<World, BundleRun>([
  { name: "the bundle", values: BUNDLES.length, be: () => undefined },
  {
    name: "bytes of the config, with the same size and times",
    values: 3,
    be: (value, world) =>
      world.config((text) => text.replace(/VALUE=.{6}/, `VALUE=${"abc"[value]!.repeat(6)}`)),
  },
  {
    name: "the config's length",
    values: 2,
    be: (value, world) => world.config((text) => `${text.trimEnd()}${" ".repeat(value)}`),
  },
  {
    name: "the bind source",
    values: 6,
    be(value, { box }) {
      const path = `${box.dir}/shared`;
      rmSync(path, { recursive: true, force: true });
      if (value < 2) box.file("shared", ["text\n", "other\n"][value]!);
      if (value === 2) mkdirSync(path);
      const name = ["elsewhere", "somewhere"][value - 3];
      if (name !== undefined) symlinkSync(box.file(name, `${name}\n`), path);
    },
  },
  {
    name: "the root directory",
    values: 3,
    be(value, { bundle }) {
      const [root, away] = [`${bundle}/rootfs`, `${bundle}/away`];
      if (existsSync(away)) {
        rmSync(root, { force: true });
        renameSync(away, root);
      }
      if (value > 0) renameSync(root, away);
      if (value === 2) writeFileSync(root, "");
    },
  },
  {
    name: "/etc/passwd in the root",
    values: 3,
    be(value, { bundle }) {
      const path = `${bundle}/rootfs/etc/passwd`;
      if (existsSync(`${bundle}/rootfs/etc`))
        writeFileSync(path, `root:x:0:0::/${["root", "home", "tmp"][value]}:/bin/sh\n`);
    },
  },
  environment("PATH", "/usr/bin:/bin", "/nowhere"),
  environment("HOME", "/", "/nowhere"),
  environment("XDG_CACHE_HOME", "/nowhere"),
  environment("LD_LIBRARY_PATH", "/nowhere"),
  environment("LISTEN_FDS", "0", "x"),
  environment("NOTIFY_SOCKET", "/nowhere/socket"),
  environment("ANYTHING", "else"),
  environment("USER", "root"),
  shell("limit of open files", "ulimit -n 800", "ulimit -n 700", "ulimit -Sn 300"),
  shell("limit of processes", "ulimit -Su 5000"),
  shell("limit of core files", "ulimit -c 0"),
  shell("oom_score_adj", "echo 400 >/proc/self/oom_score_adj", "echo 600 >/proc/self/oom_score_adj"),
  shell("umask", "umask 077", "umask 0"),
  shell("signals", "trap '' INT HUP TERM", "trap '' CHLD"),
  shell("current directory", "cd /", "cd /tmp"),
  {
    name: "kind of stdin",
    values: 4,
    be(value, { box }, { redirections }) {
      if (value > 0) redirections.push(["", "</dev/null", `<${box.file("empty", "")}`, "<&-"][value]!);
    },
  },
  {
    name: "kind of stdout",
    values: 2,
    be(value, _, now) {
      if (value > 0) now.redirections.push("2>/dev/null");
    },
  },
  {
    name: "system calls that are refused",
    values: 1 + REFUSED.length,
    be(value, _, { asCaller }) {
      if (value > 0) asCaller.push(...without(refusing(...REFUSED[value - 1]!)));
    },
  },
  {
    name: "no_new_privs",
    values: 2,
    be(value, _, { asCaller }) {
      if (value > 0) asCaller.push("setpriv", "--no-new-privs");
    },
  },
  {
    name: "--no-new-keyring",
    values: 2,
    be(value, _, { flags }) {
      if (value > 0) flags.push("--no-new-keyring");
    },
  },
  {
    name: "--detach",
    values: 2,
    be(value, _, { flags }) {
      if (value > 0) flags.push("--detach");
    },
  },
  {
    name: "brun itself",
    values: 3,
    be(value, { box, build }, now) {
      if (value === 0) return;
      const path = `${box.dir}/brun-${value}`;
      if (!existsSync(path)) {
        copyFileSync(brunPath(), path);
        chmodSync(path, 0o755);
        if (value === 2) otherBuild(path, build());
      }
      now.brun = path;
    },
  },
  words("setpriv", "group", ["--regid=65533"]),
  words("setpriv", "groups", ["--groups=5,6"], ["--clear-groups"]),
  words("setpriv", "capabilities", ["--inh-caps=+kill", "--ambient-caps=+kill"], ["--inh-caps=+kill"]),
  words("setpriv", "rights over ids", ["--inh-caps=+setuid,+setgid", "--ambient-caps=+setuid,+setgid"]),
  words("setpriv", "securebits", ["--securebits=+noroot"]),
  words("asRoot", "namespaces", ["unshare", "--net"], ["unshare", "--ipc", "--uts"], ["unshare", "--cgroup"]),
  words("asRoot", "pid namespace", ["unshare", "--pid", "--fork", "--mount-proc"]),
  {
    name: "user namespace",
    values: 2,
    be(value, _, { asCaller }) {
      if (value > 0) asCaller.push("unshare", "--user", "--map-root-user");
    },
  },
  {
    name: "subuid",
    values: 4,
    root: true,
    be: replaced("/etc/subuid", subordinate("/etc/subuid", 5000), subordinate("/etc/subuid", 2000), () => ""),
  },
  {
    name: "subgid",
    values: 3,
    root: true,
    be: replaced("/etc/subgid", subordinate("/etc/subgid", 3000), () => ""),
  },
  {
    name: "nsswitch",
    values: 3,
    root: true,
    be: replaced(
      "/etc/nsswitch.conf",
      () => "subid: files\n",
      () => "subid: nowhere\n",
    ),
  },
  {
    name: "passwd",
    values: 2,
    root: true,
    be: replaced("/etc/passwd", ({ box }) =>
      readFileSync("/etc/passwd", "utf8").replaceAll(`${box.subject.caller.user}:`, "renamed:"),
    ),
  },
  {
    name: "newuidmap",
    values: 4,
    root: true,
    be(value, { box }, { mounts }) {
      if (value === 1) mounts.push("mount --bind /dev/null /usr/bin/newuidmap");
      if (value === 2)
        mounts.push(
          "mount --bind /usr/bin/newuidmap /usr/bin/newuidmap; mount -o remount,bind,nosuid /usr/bin/newuidmap",
        );
      const copy = `${box.dir}/newuidmap`;
      if (value === 3 && !existsSync(copy)) copyFileSync("/usr/bin/newuidmap", copy);
      if (value === 3)
        mounts.push(`chown 0:0 ${copy}; chmod 755 ${copy}; mount --bind ${copy} /usr/bin/newuidmap`);
    },
  },
  {
    name: "mounts",
    values: 4,
    root: true,
    be(value, { box, bundle }, { mounts }) {
      if (value === 1) mounts.push("mount -t tmpfs tmpfs /sys/fs/cgroup");
      if (value === 2) mounts.push("umount -R /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup");
      if (value === 3 && existsSync(`${box.dir}/shared`))
        mounts.push(
          `mount --bind ${bundle}/config.json ${box.dir}/shared || mount --bind ${bundle} ${box.dir}/shared`,
        );
    },
  },
  {
    name: "the loader's cache",
    values: 2,
    root: true,
    be(value, { box }, { mounts }) {
      const copy = `${box.dir}/ld.so.cache`;
      if (value > 0 && !existsSync(copy)) copyFileSync("/etc/ld.so.cache", copy);
      if (value > 0) mounts.push(`chown 0:0 ${copy}; mount --bind ${copy} /etc/ld.so.cache`);
    },
  },
]);

/** The number of things that can change. */
export const CHANGES = THINGS.length;

/** Changes the build number in the front of an executable (src/plan/structs.ts). */
function otherBuild(path: string, build: number): void {
  const bytes = readFileSync(path);
  const word = Buffer.alloc(4);
  word.writeUInt32LE(build);
  let found = 0;
  for (let at = bytes.indexOf(word); at >= 0; at = bytes.indexOf(word, at + 4)) {
    bytes.writeUInt32LE((build ^ 1) >>> 0, at);
    found += 1;
  }
  if (found !== 1) throw new Error(`the number of the build, ${build.toString(16)}, is there ${found} times`);
  writeFileSync(path, bytes);
}

export class World extends Changing<World, BundleRun> {
  private readonly bundles: readonly string[];
  /** The build number, read from the first cached plan. */
  readonly build: () => number;

  constructor(box: Sandbox) {
    super(box, THINGS);
    box.file("shared", "text\n");
    // These notes are shown once. The files mark them as shown.
    for (const name of ["userns", "proc"]) {
      this.owned(`${box.state}/@told`);
      writeFileSync(`${box.state}/@told/${name}`, "");
    }
    this.bundles = BUNDLES.map((edit) =>
      box.bundle((spec) => {
        common(spec, box);
        edit(spec, box);
      }),
    );
    let build: number | undefined;
    this.build = () => {
      if (build !== undefined) return build;
      const [file] = cachedPlans(box);
      build = readFileSync(file!).readUInt32LE(4);
      return build;
    };
  }

  get bundle(): string {
    return this.bundles[this.value(0)]!;
  }

  private owned(directory: string): void {
    const { uid, gid } = this.box.subject.caller;
    for (const path of [this.box.state, directory]) {
      mkdirSync(path, { recursive: true, mode: 0o700 });
      if (isRoot) chownSync(path, uid, gid);
    }
  }

  /** Changes the text of the bundle's config, and restores its times. */
  config(change: (text: string) => string): void {
    const path = `${this.bundle}/config.json`;
    const { atime, mtime } = statSync(path);
    const before = readFileSync(path, "utf8");
    const text = change(before);
    if (text === before) return;
    writeFileSync(path, text);
    utimesSync(path, atime, mtime);
  }

  /** Runs the bundle in this world. `bun`: without the front. */
  run(bun: boolean): Ran {
    const { box } = this;
    const { caller } = box.subject;
    const now: BundleRun = {
      mounts: [],
      asRoot: [],
      asCaller: [],
      shell: [],
      redirections: [],
      env: {},
      setpriv: [],
      flags: [],
      brun: brunPath(),
    };
    this.become(this, now);
    const user = isRoot
      ? [
          "setpriv",
          `--reuid=${caller.uid}`,
          `--regid=${caller.gid}`,
          "--init-groups",
          "--inh-caps=-all",
          ...now.setpriv,
        ]
      : [];
    const groups = now.setpriv.some((word) => word.includes("groups"));
    const mounts = isRoot ? withMounts(now.mounts) : [];
    const id = `${box.name()}-${randomUUID().slice(0, 4)}`;
    const script = `${now.shell.join("; ")}\nexec "$@" ${now.redirections.join(" ")}`;
    const argv = [
      ...mounts,
      ...now.asRoot,
      ...user.filter((word) => !(groups && word === "--init-groups")),
      ...["sh", "-c", script, "sh"],
      ...now.asCaller,
      ...["env", ...Object.entries(now.env).map(([name, value]) => `${name}=${value}`)],
      ...[now.brun, "--root", box.state, ...(bun ? ["--rootless=auto"] : []), "run", ...now.flags],
      ...["--bundle", this.bundle, id],
    ];
    const ran = this.start(argv, new RegExp(id, "g"), { cwd: box.dir, env: box.env });
    if (now.flags.includes("--detach"))
      Bun.spawnSync(box.argv(["delete", "--force", id]), { cwd: "/", env: box.env });
    return ran;
  }
}
