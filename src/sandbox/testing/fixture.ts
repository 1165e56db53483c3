/** A made-up machine for tests. */
import { matcher } from "../../host/pattern.ts";
import type { SandboxOptions } from "../options.ts";
import { within } from "../places.ts";
import { settledOptions } from "../settle.ts";
import { type Sandbox, type SandboxLimits, sandboxSpec } from "../spec.ts";
import type { Entry, HostView } from "../view.ts";

/** An entry; its size is optional. */
type MadeUp = Omit<Entry, "size"> & Partial<Entry>;

const dir = (uid = 0, mode = 0o755): MadeUp => ({ type: "dir", uid, gid: uid, mode });
const file = (uid = 0): MadeUp => ({ type: "file", uid, gid: uid, mode: 0o644 });
const link: MadeUp = { type: "link", uid: 0, gid: 0, mode: 0o777 };

/** Files by path. Only / and kernel file systems are mounted. */
const FILES: Readonly<Record<string, MadeUp>> = {
  "/": dir(),
  "/bin": link,
  "/bin/bash": file(),
  "/bin/sh": file(),
  "/dev": dir(),
  "/etc": dir(),
  "/etc/hostname": file(),
  "/home": dir(),
  "/home/dev": dir(1000, 0o700),
  "/home/dev/.netrc": file(1000),
  "/home/dev/.ssh": dir(1000, 0o700),
  "/home/dev/project": dir(1000),
  "/proc": dir(),
  "/proc/sys": dir(),
  "/run": dir(),
  "/swapfile": file(),
  "/sys": dir(),
  "/tmp": dir(0, 0o1777),
  "/tmp/other": file(),
  "/usr": dir(),
  "/usr/bin": dir(),
  "/srv/root": dir(1000),
  "/srv/root/bin/sh": file(1000),
};

const TEXTS: Readonly<Record<string, string>> = {
  "/etc/passwd":
    "root:x:0:0::/root:/bin/sh\ndev:x:1000:1000::/home/dev:/bin/bash\nwww:x:33:33::/srv:/bin/sh\n",
  "/etc/group": "root:x:0:\ndev:x:1000:\nwww:x:33:\nlog:x:4:www,dev\n",
  "/srv/root/etc/passwd": "root:x:0:0::/root:/bin/sh\nalice:x:500:500::/a:/bin/sh\n",
  "/srv/root/etc/group": "staff:x:50:alice\n",
};

/** The properties of the machine. */
export interface Fixture {
  readonly files?: Readonly<Record<string, MadeUp>>;
  readonly texts?: Readonly<Record<string, string>>;
  readonly mounts?: readonly (readonly [point: string, type: string, device?: string, root?: string])[];
  /** Targets of symbolic links by path. */
  readonly links?: Readonly<Record<string, string>>;
  /** The current directory. */
  readonly cwd?: string;
  readonly view?: Partial<HostView>;
}

/** The view of the machine. The caller is dev, uid 1000, with 65536 subordinate ids from 100000 on. */
export function fixtureView({ files, texts, mounts = [], links, cwd, view }: Fixture = {}): HostView {
  const all: Record<string, Entry> = {};
  for (const [path, entry] of Object.entries({ ...FILES, ...files })) all[path] = { size: 10, ...entry };
  const range = { start: 100000, size: 65536, origin: "/etc/subuid:1" };
  const names = (path: string) => {
    const start = path === "/" ? "/" : `${path}/`;
    const found = Object.keys(all).filter((other) => other !== "/" && other.startsWith(start));
    return [...new Set(found.map((other) => other.slice(start.length).split("/")[0]!))].sort();
  };
  const directory = cwd ?? "/home/dev/project";
  return {
    caller: { uid: 1000, gid: 1000, userName: "dev", privileged: false },
    rootless: true,
    nested: true,
    subids: () => ({ uid: [range], gid: [range] }),
    rangesObstacle: () => null,
    stateDirectory: "/run/user/1000/brun",
    self: ["/usr/bin/brun"],
    environment: {
      HOME: "/home/dev",
      PATH: "/usr/bin",
      SHELL: "/bin/bash",
      TERM: "xterm",
      GITHUB_TOKEN: "x",
    },
    cwd: () => directory,
    here: {
      inHole: directory,
      isIn: (path) => within(path, directory),
      isAt: (path) => path === directory,
      // So each test has the whole of what is decided by its path.
      isByOwnWay: () => false,
      isShared: () => false,
    },
    hostname: "laptop",
    umask: 0o022,
    cgroup2: true,
    mounts: [["/", "ext4"] as const, ["/proc", "proc"] as const, ...mounts].map(
      ([point, type, device = point, root = "/"]) => ({ point, type, readOnly: false, device, root }),
    ),
    entry: (path) => all[path] ?? (links?.[path] === undefined ? null : { size: 10, ...link }),
    follow: (path) => all[path] ?? null,
    isSame: () => true,
    link: (path) => links?.[path] ?? null,
    list: names,
    names: (path, patterns) => names(path).filter(matcher(patterns)),
    isShared: (path) =>
      names(path).some((name) => {
        const entry = all[`${path}/${name}`];
        return entry !== undefined && entry.type !== "link" && entry.uid !== 1000 && entry.mode === 0o666;
      }),
    isEmpty: (path) => names(path).length === 0,
    text: (path) => ({ ...TEXTS, ...texts })[path] ?? null,
    textInRoot: (root, path) => ({ ...TEXTS, ...texts })[`${root}${path}`] ?? null,
    isInRoot: (root, path) => all[`${root}${path}`] !== undefined,
    given: (where, path) => {
      const text = { ...TEXTS, ...texts }[path];
      if (text === undefined) throw new Error(`${where}: ${path}`);
      return text;
    },
    mayWrite: (path) => all[path]?.uid === 1000,
    lacksSetattr: () => false,
    rights: (path) => ((all[path]?.mode ?? 0) >> (all[path]?.uid === 1000 ? 6 : 0)) & 7,
    program: (name) => `/usr/bin/${name}`,
    ...view,
  };
}

const NONE: Omit<SandboxOptions, "root"> = {
  id: "box",
  args: ["true"],
  upper: undefined,
  overlay: "auto",
  writable: false,
  readOnly: false,
  rw: [],
  rwAll: false,
  landlock: false,
  connectPort: [],
  volume: [],
  tmpfs: [],
  mount: [],
  device: [],
  ulimit: [],
  workdir: undefined,
  env: [],
  envFile: [],
  nesting: false,
  fakeRoot: false,
  seccompRecord: undefined,
  user: undefined,
  terminal: false,
  memory: undefined,
  cpus: undefined,
  pidsLimit: undefined,
  memorySwap: undefined,
  cpusetCpus: undefined,
  oomScoreAdj: undefined,
  umask: undefined,
  shmSize: undefined,
  sysctl: [],
  annotation: [],
  groupAdd: [],
  capAdd: [],
  capDrop: [],
  securityOpt: [],
  hostname: undefined,
  network: undefined,
  publish: [],
  allowNet: [],
  allowNetPrivate: false,
  netLog: undefined,
  netSni: false,
  netClient: undefined,
  hide: [],
  userns: "auto",
  proc: "auto",
  withSecrets: false,
  init: true,
};

/** The config of `run --host` with these flags. */
export function hostSandbox(
  flags: Partial<SandboxOptions> = {},
  fixture: Fixture = {},
  limits?: SandboxLimits,
): Sandbox {
  const view = fixtureView(fixture);
  return sandboxSpec(settledOptions(hostOptions(flags), view), view, limits);
}

/** The options of `run --host` with these flags. */
export function hostOptions(flags: Partial<SandboxOptions> = {}): SandboxOptions {
  return { ...NONE, root: { kind: "host" }, ...flags };
}

/** The config of `run --rootfs /srv/root` with these flags. */
export function rootfsSandbox(
  flags: Partial<SandboxOptions> = {},
  fixture: Fixture = {},
  limits?: SandboxLimits,
): Sandbox {
  const view = fixtureView(fixture);
  const options: SandboxOptions = { ...NONE, root: { kind: "rootfs", path: "/srv/root" }, ...flags };
  return sandboxSpec(settledOptions(options, view), view, limits);
}

/** The last mount of a sandbox on a path. */
export function mountOn({ spec }: Sandbox, destination: string) {
  return spec.mounts?.findLast((mount) => mount.destination === destination);
}
