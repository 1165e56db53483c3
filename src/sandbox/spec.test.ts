/** Tests the config for the flags of `run --host` and `run --rootfs`. */
import { describe, expect, test } from "bun:test";
import { parseSpec, toJson } from "../spec/index.ts";
import type { Sandbox } from "./spec.ts";
import { hostSandbox, mountOn, rootfsSandbox } from "./testing/fixture.ts";

const overlay = (path: string, ...more: string[]) => ({
  destination: path,
  type: "overlay",
  source: "overlay",
  options: ["from-root", `lowerdir=${path}`, "tmpupper", ...more, "userxattr"],
});

describe("--host", () => {
  test("the root is a tmpfs with the host's entries: overlays, links, files", () => {
    const sandbox = hostSandbox();
    const { spec, placed, notices } = sandbox;
    const flags = placed.map(({ flag }) => flag);
    expect(spec.root).toEqual({ path: "/", readonly: false });
    expect(spec.mounts!.slice(0, 6)).toEqual([
      { destination: "/", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "mode=555"] },
      { destination: "/bin", type: "bind", source: "/bin", options: ["from-root", "bind", "copy-symlink"] },
      // All files belong to the caller, with the rights that the caller has outside.
      overlay("/etc", "mode=555"),
      overlay("/home", "mode=555"),
      { destination: "/swapfile", type: "bind", source: "/swapfile", options: ["from-root", "bind", "ro"] },
      overlay("/tmp"),
    ]);
    expect(flags.slice(0, 2)).toEqual(["--host", "--host"]);
    expect(notices).toEqual([]);
    for (const own of ["/proc", "/dev", "/sys", "/run"]) expect(mountOn(sandbox, own)?.source).not.toBe(own);
  });

  test("the caller stays itself, with its groups, directory, environment and host name", () => {
    const { spec } = hostSandbox();
    expect(spec.process).toMatchObject({
      user: { uid: 1000, gid: 1000 },
      cwd: "/home/dev/project",
      args: ["true"],
    });
    expect(spec.process.env).toEqual([
      "HOME=/home/dev",
      "PATH=/usr/bin",
      "SHELL=/bin/bash",
      "TERM=xterm",
      "container=brun",
    ]);
    for (const maps of [spec.linux.uidMappings, spec.linux.gidMappings])
      expect(maps).toEqual([{ containerID: 1000, hostID: 1000, size: 1 }]);
    expect(spec.annotations).toEqual({
      "run.oci.keep_original_groups": "1",
      "org.brun.hostname": "try",
      "org.brun.init": "true",
    });
    expect(spec.hostname).toBe("laptop");
    expect(spec.linux.namespaces?.map(({ type }) => type)).toEqual([
      "pid",
      "ipc",
      "uts",
      "mount",
      "cgroup",
      "user",
    ]);
    expect(spec.process.capabilities?.effective).toEqual([]);
    expect(spec.process.noNewPrivileges).toBe(true);
  });

  test("--user of someone else: the caller's own ids, and around them its subordinate ones", () => {
    const sandbox = hostSandbox({ user: "www" });
    expect(sandbox.spec.linux.uidMappings).toEqual([
      { containerID: 0, hostID: 100000, size: 1000 },
      { containerID: 1000, hostID: 1000, size: 1 },
      { containerID: 1001, hostID: 101000, size: 64536 },
    ]);
    expect(mountOn(sandbox, "/etc")).toEqual(overlay("/etc"));
    expect(mountOn(sandbox, "/home/dev")).toEqual(overlay("/home/dev", "uid=1000", "gid=1000"));
    const own = hostSandbox({ user: "dev" }).spec;
    expect(own.linux.uidMappings).toEqual([{ containerID: 1000, hostID: 1000, size: 1 }]);
  });

  test("--user root: the default mapping, root's capabilities, name and home", () => {
    const { spec } = hostSandbox(
      { user: "root" },
      { view: { environment: { HOME: "/home/dev", USER: "dev" } } },
    );
    expect(spec.linux.uidMappings).toBeUndefined();
    expect(spec.process.user).toEqual({ uid: 0, gid: 0 });
    expect(spec.process.env).toEqual(["HOME=/root", "USER=root", "container=brun"]);
    expect(spec.process.capabilities?.effective).toContain("CAP_CHOWN");
  });

  test("a directory with mounts below it is taken apart, to the last one; small files of the caller's are copied", () => {
    const file = (size: number, uid = 1000) => ({ type: "file", uid, gid: 1000, mode: 0o600, size }) as const;
    const sandbox = hostSandbox(
      {},
      {
        mounts: [["/home/dev/project", "ext4"]],
        files: {
          "/home/dev/notes": file(5),
          "/home/dev/disk": file(1 << 30),
          "/home/dev/theirs": file(5, 0),
          "/home/dev/pipe": { ...file(0), type: "fifo" },
        },
      },
    );
    expect(mountOn(sandbox, "/home")?.type).toBe("tmpfs");
    expect(mountOn(sandbox, "/home/dev")?.options).toEqual(["directory", "mode=700"]);
    expect(mountOn(sandbox, "/home/dev/notes")?.options).toEqual(["from-root", "bind", "tmpcopyup"]);
    for (const path of ["/home/dev/disk", "/home/dev/theirs"])
      expect(mountOn(sandbox, path)?.options).toEqual(["from-root", "bind", "ro"]);
    expect(mountOn(sandbox, "/home/dev/pipe")).toBeUndefined();
    expect(mountOn(sandbox, "/home/dev/project")).toEqual(overlay("/home/dev/project"));
    expect(sandbox.notices).toEqual(["read-only in /home/dev, since there are mounts below it: disk"]);
    expect(sandbox.wanting).toBeNull();
    const readOnly = hostSandbox({ readOnly: true }, { mounts: [["/home/dev/project", "ext4"]] });
    expect(mountOn(readOnly, "/home/dev/.netrc")?.source).toBe("/dev/null");
    expect(readOnly.notices).toEqual([]);
  });

  test("no overlay where nothing is to be seen, and nothing can be written", () => {
    const dir = (uid: number, mode: number) => ({ type: "dir", uid, gid: uid, mode }) as const;
    const files = {
      "/empty": dir(0, 0o755),
      "/root": dir(0, 0o700),
      "/root/secret": dir(0, 0o700),
      "/searchable": dir(0, 0o711),
      "/groups": dir(0, 0o2755),
      "/mine": dir(1000, 0o755),
      "/drop": dir(0, 0o1777),
    };
    const view = { mayWrite: (path: string) => path === "/drop" || path.startsWith("/home/dev") };
    const options = (path: string, flags = {}) => {
      const mount = mountOn(hostSandbox(flags, { files, view }), path);
      return mount?.type === "tmpfs" ? mount.options : mount?.type;
    };
    expect(options("/empty")).toEqual(["directory", "mode=555"]);
    expect(options("/root")).toEqual(["directory", "mode=0"]);
    for (const path of ["/searchable", "/groups", "/mine", "/drop"]) expect(options(path)).toBe("overlay");
    // An overlay keeps written files, also those of a later run that may write there.
    expect(options("/empty", { upper: "/home/dev/kept" })).toBe("overlay");
  });

  test("ten thousand entries beside a mount", () => {
    const dir = { type: "dir", uid: 1000, gid: 1000, mode: 0o755, size: 0 } as const;
    const files = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`/tmp/d${i}`, dir]));
    const sandbox = hostSandbox({}, { files, mounts: [["/tmp/mounted", "ext4"]] });
    expect(sandbox.notices).toEqual([]);
    expect(mountOn(sandbox, "/tmp/d9999")).toEqual(overlay("/tmp/d9999"));
  });

  test("a project of another user, which its group may write: what cannot be done is told", () => {
    const shared = { type: "dir", uid: 1001, gid: 50, mode: 0o2775, size: 0 } as const;
    const view = { mayWrite: () => true };
    const fixture = { files: { "/srv": { ...shared, uid: 0 }, "/srv/team": shared }, cwd: "/srv/team", view };
    const { notices, wanting } = hostSandbox({}, fixture);
    expect(notices).toEqual([
      expect.stringContaining("files of other users or groups in /srv/team cannot be changed"),
    ]);
    expect(wanting).toBe(notices[0]!);
    // Any user may write to a directory such as /tmp, so files of others there are not reported.
    const sticky = { ...fixture, cwd: "/tmp" };
    expect(hostSandbox({}, sticky).notices).toEqual([]);
  });

  test("where no overlay is possible it is read-only, told where the caller could write", () => {
    const sandbox = hostSandbox(
      {},
      {
        mounts: [
          ["/home/dev", "fuse.sshfs"],
          ["/etc", "vfat"],
        ],
      },
    );
    for (const path of ["/home/dev/project", "/etc"]) {
      expect(mountOn(sandbox, path)).toEqual({
        destination: path,
        type: "bind",
        source: path,
        options: ["from-root", "rbind", "ro", "rro"],
      });
    }
    // A tmpfs is another directory: a file that the host renames over a secret is not visible.
    expect(mountOn(sandbox, "/home/dev")).toMatchObject({
      type: "tmpfs",
      options: ["directory", "mode=500"],
    });
    expect(sandbox.spec.mounts!.filter(({ destination }) => destination === "/home/dev/.netrc")).toHaveLength(
      1,
    );
    expect(sandbox.notices).toEqual(["/home/dev is read-only: no overlay on its file system, fuse.sshfs"]);
    expect(sandbox.wanting).toBe(sandbox.notices[0]!);
    // A read-only directory that does not contain the home or the current directory is not reported.
    const mounts = [["/home/dev/remote", "fuse.sshfs"]] as const;
    const elsewhere = hostSandbox({}, { mounts, view: { mayWrite: () => true } });
    expect(elsewhere).toMatchObject({ notices: [], wanting: null });
    const refused = hostSandbox({}, {}, { noOverlay: new Set(["/home"]) });
    expect(mountOn(refused, "/home")?.type).toBe("tmpfs");
    expect(mountOn(refused, "/home/dev")?.type).toBe("overlay");
    expect(mountOn(refused, "/etc")?.type).toBe("overlay");
    const none = hostSandbox({}, {}, { noOverlay: true });
    expect(none.spec.mounts?.some(({ type }) => type === "overlay")).toBe(false);
  });

  test("--upper keeps what is written", () => {
    const [upper, work] = ["upper", "work"].map((name) => `/home/dev/project/changes/${name}`);
    const sandbox = hostSandbox({ upper: "changes" });
    expect(mountOn(sandbox, "/etc")?.options).toEqual([
      "from-root",
      "lowerdir=/etc",
      "src-nosymlinks",
      `upperdir=${upper}/etc`,
      `workdir=${work}/etc`,
      "userxattr",
    ]);
  });

  test("secrets are covered after --rw, and not where a volume lies over them; --with-secrets leaves them", () => {
    const orderOf = (flags: Parameters<typeof hostSandbox>[0]) =>
      hostSandbox(flags)
        .spec.mounts!.map(({ destination, source }) => `${source} ${destination}`)
        .filter((text) => / \/home\/dev/.test(text) && !/^(overlay|\S+\.(cache|local)\S*) /.test(text));
    const volume = ["~/.ssh:~/.ssh:ro"];
    expect(orderOf({ rw: ["/home/dev"], rwAll: true, volume }).slice(0, 3)).toEqual([
      "/home/dev /home/dev",
      "/dev/null /home/dev/.netrc",
      "/home/dev/.ssh /home/dev/.ssh",
    ]);
    // A tmpfs over the home does not hide paths of other flags.
    expect(orderOf({ rw: ["."], rwAll: true, tmpfs: ["~"], volume, hide: ["/home/dev/project"] })).toEqual([
      "tmpfs /home/dev",
      "/home/dev/project /home/dev/project",
      "hidden /home/dev/project",
      "/home/dev/.ssh /home/dev/.ssh",
    ]);
    // A tmpfs that begins with a copy must copy the covers.
    expect(orderOf({ volume: ["/home/dev"] }).slice(0, 3)).toEqual([
      "hidden /home/dev/.ssh",
      "/dev/null /home/dev/.netrc",
      "volume /home/dev",
    ]);
    const open = hostSandbox({ withSecrets: true });
    expect(mountOn(open, "/home/dev/.ssh")).toBeUndefined();
    expect(open.spec.process.env).toContain("GITHUB_TOKEN=x");
    expect(hostSandbox({ env: ["GITHUB_TOKEN"] }).spec.process.env).toContain("GITHUB_TOKEN=x");
  });

  test("the current directory: hidden by a volume it is an error, by a tmpfs a line", () => {
    const there = { type: "dir", uid: 0, gid: 0, mode: 0o755, size: 0 } as const;
    const files = { "/srv": there, "/srv/project": there };
    expect(hostSandbox({ volume: ["/srv:~"] }, { files }).notices).toEqual([]);
    const hides = expect.objectContaining({
      where: "-v /etc:~",
      message: "-v /etc:~ hides the current directory, /home/dev/project",
    });
    expect(() => hostSandbox({ volume: ["/etc:~"] })).toThrow(hides);
    expect(hostSandbox({ volume: ["/etc:~"], workdir: "/" }).spec.process.cwd).toBe("/");
    expect(hostSandbox({ tmpfs: ["~"] }).notices).toEqual([
      "--tmpfs ~ hides the current directory, /home/dev/project: it is empty; --rw . or -v .:. shows it, -w PATH starts elsewhere",
    ]);
    for (const flags of [{ tmpfs: ["."] }, { tmpfs: ["~"], volume: [".:."] }, { tmpfs: ["~"], workdir: "~" }])
      expect(hostSandbox(flags).notices).toEqual([]);
  });

  test("what --upper keeps is not seen, unless it holds the current directory", () => {
    const shown = (upper: string, rw: string[] = []) =>
      hostSandbox({ upper, rw }).spec.mounts!.filter(
        ({ source, destination }) => source === "hidden" && destination.includes("project"),
      );
    const places = (upper: string, rw?: string[]) => shown(upper, rw).map(({ destination }) => destination);
    expect(places("changes")).toEqual(["/home/dev/project/changes"]);
    expect(places("a/changes", ["."])).toEqual(["/home/dev/project/a/changes"]);
    expect(places(".")).toEqual(["/home/dev/project/upper", "/home/dev/project/work"]);
    expect(() =>
      hostSandbox(
        { upper: "changes", volume: ["./changes:/x"] },
        { files: { "/home/dev/project/changes": { type: "dir", uid: 1000, gid: 1000, mode: 0o700 } } },
      ),
    ).toThrow("is where brun keeps what this run writes");
  });

  test("with fuse-overlayfs: a root that is mounted, the caller alone", () => {
    const fuse = { directory: "/home/dev/state/@overlay", id: "box" };
    const sandbox = hostSandbox({}, { view: { stateDirectory: "/home/dev/state" } }, { fuse });
    expect(sandbox.spec.root.path).toBe("/home/dev/state/@overlay/box/merged");
    expect(sandbox.spec.mounts?.some(({ type }) => type === "overlay")).toBe(false);
    // If the root showed the state directory, fuse-overlayfs would wait for itself.
    expect(mountOn(sandbox, "/home/dev/state")?.source).toBe("hidden");
    expect(sandbox.spec.linux.uidMappings).toEqual([{ containerID: 1000, hostID: 1000, size: 1 }]);
    expect(sandbox.spec.hooks?.poststop?.at(-1)?.args).toContain("unmount");
    const root = hostSandbox({ user: "root", network: "pasta" }, {}, { fuse }).spec;
    expect(root.linux.uidMappings).toEqual([{ containerID: 0, hostID: 1000, size: 1 }]);
    const environment = { HOME: "/home/dev", XDG_RUNTIME_DIR: "/run/user/1000" };
    const own = mountOn(hostSandbox({ user: "root" }, { view: { environment } }, { fuse }), "/run/user/1000");
    expect(own?.options).toEqual(["nosuid", "nodev", "mode=700"]);
    expect(root.hooks?.poststop).toHaveLength(2);
    expect(() => hostSandbox({ user: "www" }, {}, { fuse })).toThrow("--user can only be you, or root");
    const none = hostSandbox({ overlay: "none" }).spec.mounts!.filter(({ type }) => type === "overlay");
    for (const { options } of none) expect(options).toContain("ro");
  });

  test("what stands for a directory that is closed to the caller can be read by diff, where it is kept", () => {
    const files = { "/root": { type: "dir", uid: 0, gid: 0, mode: 0o700, size: 0 } } as const;
    const mode = (upper?: string) =>
      mountOn(hostSandbox({ ...(upper && { upper }) }, { files }), "/root")?.options?.find((o) =>
        o.startsWith("mode="),
      );
    expect(mode()).toBe("mode=0");
    expect(mode("/home/dev/changes")).toBeUndefined();
  });

  test("sockets of the host are left out", () => {
    const mode = 0o700;
    const files = {
      "/tmp/agent": { type: "socket", uid: 1000, gid: 1000, mode, size: 0 },
      "/tmp/ssh-XyZ": { type: "dir", uid: 1000, gid: 1000, mode, size: 0 },
    } as const;
    const sandbox = hostSandbox({}, { files, mounts: [["/tmp/mounted", "ext4"]] });
    expect(mountOn(sandbox, "/tmp")?.type).toBe("tmpfs");
    expect(mountOn(sandbox, "/tmp/agent")).toBeUndefined();
    expect(mountOn(sandbox, "/tmp/ssh-XyZ")?.source).toBe("hidden");
  });

  test("--hide: a directory and a file, also with --with-secrets; what is not there is an error", () => {
    const there = { type: "dir", uid: 1000, gid: 1000, mode: 0o755, size: 0 } as const;
    const link = { links: { "/home/dev/link": "/home/dev/project" }, files: { "/home/dev/link": there } };
    const sandbox = hostSandbox({ hide: [".", "/swapfile", "../link"], withSecrets: true }, link);
    expect(mountOn(sandbox, "/home/dev/project")?.source).toBe("hidden");
    expect(mountOn(sandbox, "/swapfile")?.source).toBe("/dev/null");
    expect(mountOn(sandbox, "/home/dev/.ssh")).toBeUndefined();
    expect(() => hostSandbox({ hide: ["none"] })).toThrow("/home/dev/project/none does not exist");
    expect(() => hostSandbox({ hide: ["/"] })).toThrow("the root cannot be hidden");
  });

  test("--read-only: overlays that are, and a tmpfs where programs write", () => {
    const sandbox = hostSandbox({ readOnly: true });
    expect(sandbox.spec.root.readonly).toBe(true);
    const overlays = sandbox.spec.mounts!.filter(({ type }) => type === "overlay");
    expect(overlays.map(({ destination }) => destination)).toContain("/home");
    for (const { options } of overlays) expect(options).toContain("ro");
    expect(mountOn(sandbox, "/tmp")?.type).toBe("tmpfs");
  });
});

describe("--rootfs", () => {
  test("one overlay, root inside, its own name and no network", () => {
    const { spec } = rootfsSandbox();
    expect(spec.root.path).toBe("/srv/root");
    expect(spec.mounts![0]).toEqual({
      destination: "/",
      type: "overlay",
      source: "overlay",
      options: ["from-root", "lowerdir=/srv/root", "tmpupper", "userxattr"],
    });
    expect(spec.process).toMatchObject({ user: { uid: 0, gid: 0 }, cwd: "/", noNewPrivileges: false });
    expect(spec.process.env?.[0]).toMatch(/^PATH=/);
    expect(spec.process.env).not.toContain("GITHUB_TOKEN=x");
    expect(spec.hostname).toBe("box");
    expect(spec.linux.namespaces).toContainEqual({ type: "network" });
    expect(spec.linux.uidMappings).toBeUndefined();
  });

  test("--writable: the directory itself", () => {
    expect(rootfsSandbox({ writable: true }).spec.mounts![0]!.destination).toBe("/proc");
  });

  test("without overlays: its entries read-only on a tmpfs, so that mount points can be made", () => {
    const sandbox = rootfsSandbox({}, {}, { noOverlay: true });
    expect(mountOn(sandbox, "/")?.type).toBe("tmpfs");
  });

  test("--user by name, with the groups of the root's own files; another user has added capabilities alone", () => {
    const { process } = rootfsSandbox({ user: "alice", capAdd: ["net_raw"] }).spec;
    expect(process.user).toEqual({ uid: 500, gid: 500, additionalGids: [500, 50] });
    expect(process.capabilities).toMatchObject({ effective: ["CAP_NET_RAW"], ambient: ["CAP_NET_RAW"] });
    expect(rootfsSandbox({ user: "7:staff" }).spec.process.user).toEqual({ uid: 7, gid: 50 });
    expect(() => rootfsSandbox({ user: "bob" })).toThrow('no user "bob" in /srv/root/etc/passwd');
    expect(() => rootfsSandbox({ user: "0:nope" })).toThrow('no group "nope"');
  });

  test("as root: device rules, no user namespace", () => {
    const { linux } = rootfsSandbox({}, { view: { rootless: false, nested: false } }).spec;
    expect(linux.namespaces).not.toContainEqual({ type: "user" });
    expect(linux.resources?.devices).toEqual([{ allow: false, access: "rwm" }]);
  });
});

describe("flags", () => {
  test("limits", () => {
    const { resources } = hostSandbox({ memory: "1.5g", cpus: "0.5", pidsLimit: "0" }).spec.linux;
    expect(resources).toEqual({
      memory: { limit: 1610612736 },
      cpu: { quota: 50000, period: 100000 },
      pids: { limit: -1 },
    });
    expect(hostSandbox().spec.linux.resources).toBeUndefined();
    for (const [flags, message] of [
      [{ memory: "lots" }, '"lots" is no size'],
      [{ memory: "0" }, '"0" is no size'],
      [{ cpus: "0" }, '"0" is no number of CPUs'],
      [{ cpus: "two" }, '"two" is no number of CPUs'],
      [{ pidsLimit: "-2" }, '"-2" is no number'],
      [{ memorySwap: "1g" }, "--memory-swap limits memory and swap together"],
      [{ memory: "2g", memorySwap: "1g" }, "--memory-swap 1g is less than --memory"],
      [{ cpusetCpus: "0-" }, '"0-" is no list of CPUs'],
    ] as const) {
      expect(() => hostSandbox(flags)).toThrow(message);
    }
  });

  test("limits of podman's that are fields of their own", () => {
    const flags = { memory: "1g", memorySwap: "-1", cpus: "1", cpusetCpus: "0,2-3" };
    expect(hostSandbox(flags).spec.linux.resources).toEqual({
      memory: { limit: 1073741824, swap: -1 },
      cpu: { quota: 100000, period: 100000, cpus: "0,2-3" },
    });
  });

  test("fields of the config", () => {
    const flags = { umask: "077", oomScoreAdj: "-5", shmSize: "1m", sysctl: ["kernel.msgmax=5"] };
    const { spec } = rootfsSandbox({
      ...flags,
      annotation: ["a=b=c"],
      groupAdd: ["staff", "9"],
      stopSignal: "INT",
    });
    expect(spec.process).toMatchObject({
      user: { uid: 0, gid: 0, umask: 0o77, additionalGids: [0, 50, 9] },
      oomScoreAdj: -5,
    });
    expect(spec.linux.sysctl).toEqual({ "kernel.msgmax": "5" });
    expect(spec.annotations).toMatchObject({ a: "b=c", "org.opencontainers.image.stopSignal": "INT" });
    const shm = spec.mounts?.find(({ destination }) => destination === "/dev/shm");
    expect(shm?.options?.filter((option) => option.startsWith("size="))).toEqual(["size=1048576"]);
    expect(hostSandbox({ umask: "027" }).spec.process.user?.umask).toBe(0o27);
    expect(hostSandbox({ groupAdd: ["keep-groups"] }).spec.process.user?.additionalGids).toBeUndefined();
    for (const [wrong, message] of [
      [{ umask: "8" }, '"8" is no umask'],
      [{ umask: "07777" }, '"07777" is no umask'],
      [{ oomScoreAdj: "1001" }, '"1001" is no adjustment of the OOM score'],
      [{ oomScoreAdj: "" }, '"" is no adjustment of the OOM score'],
      [{ shmSize: "0" }, '"0" is no size'],
      [{ sysctl: ["=5"] }, '--sysctl expects NAME=VALUE, but found "=5"'],
      [{ annotation: ["a"] }, '--annotation expects NAME=VALUE, but found "a"'],
    ] as const) {
      expect(() => rootfsSandbox(wrong)).toThrow(message);
    }
    expect(() => rootfsSandbox({ groupAdd: ["nosuch"] })).toThrow('no group "nosuch" in /srv/root/etc/group');
    expect(() => hostSandbox({ groupAdd: ["staff"] })).toThrow(
      "with --host the program has the caller's groups",
    );
  });

  test("environment", () => {
    const texts = { "/env": "# comment\nA=1\n\n B=two words\nTERM\n" };
    const { process } = rootfsSandbox({ envFile: ["/env"], env: ["A=2", "C="] }, { texts }).spec;
    expect(process.env?.slice(3)).toEqual(["A=2", "B=two words", "TERM=xterm", "C="]);
    expect(rootfsSandbox({ env: ["GIT*"] }).spec.process.env).toContain("GITHUB_TOKEN=x");
    expect(() => rootfsSandbox({ envFile: ["/none"] })).toThrow("--env-file /none");
    const nameless = () => rootfsSandbox({ envFile: ["/env"] }, { texts: { "/env": "A=1\n\n=x\n" } });
    expect(nameless).toThrow(expect.objectContaining({ where: "--env-file /env:3" }));
    expect(() => rootfsSandbox({ env: ["=x"] })).toThrow("has no name");
  });

  test("volumes", () => {
    const sandbox = rootfsSandbox({
      volume: ["./:/a/b:ro", "/tmp:/a:z", "/data", "/etc:/e:O"],
      tmpfs: ["/t:size=1m,exec"],
    });
    expect(sandbox.spec.mounts!.slice(-5).map(({ destination }) => destination)).toEqual([
      ...["/t", "/a", "/data", "/e", "/a/b"],
    ]);
    expect(mountOn(sandbox, "/a/b")).toEqual({
      destination: "/a/b",
      type: "bind",
      source: "/home/dev/project",
      options: ["rbind", "src-nosymlinks", "nosuid", "nodev", "rprivate", "ro", "rro"],
    });
    expect(mountOn(sandbox, "/a")?.options).toEqual([
      "rbind",
      "src-nosymlinks",
      "nosuid",
      "nodev",
      "rprivate",
    ]);
    expect(mountOn(sandbox, "/data")?.options).toContain("tmpcopyup");
    expect(mountOn(sandbox, "/e")).toMatchObject({
      type: "overlay",
      options: ["lowerdir=/etc", "src-nosymlinks", "tmpupper", "userxattr"],
    });
    expect(mountOn(sandbox, "/t")?.options).toEqual([
      "nosuid",
      "nodev",
      "noexec",
      "size=1m",
      "exec",
      "tmpcopyup",
    ]);
    expect(mountOn(hostSandbox({ tmpfs: ["/t"] }), "/t")?.options).toEqual(["nosuid", "nodev", "noexec"]);
    const file = { "/secret": { type: "file" as const, uid: 1000, gid: 1000, mode: 0o600 } };
    const overFile = hostSandbox({ tmpfs: ["/secret"] }, { files: file });
    const empty = ["nosuid", "nodev", "noexec", "mode=600", "tmpfile"];
    expect(mountOn(overFile, "/secret")?.options).toEqual(empty);
    for (const [volume, message] of [
      ["data:/d", "would be a named volume"],
      ["/none:/d", "/none does not exist"],
      ["/etc:d", "d is not absolute"],
      ["/etc:/", "the root cannot be replaced"],
      ["/etc:/e:weird", 'no option "weird"'],
      ["/a:/b:c:d", "too many colons"],
    ]) {
      expect(() => rootfsSandbox({ volume: [volume!] })).toThrow(message);
    }
    expect(() => hostSandbox({ rw: ["/"] })).toThrow("no sandbox");
    expect(() => hostSandbox({ rw: ["/none"] })).toThrow("/none does not exist");
  });

  test("capabilities", () => {
    const effective = (capAdd: string[], capDrop: string[]) =>
      rootfsSandbox({ capAdd, capDrop }).spec.process.capabilities?.effective;
    expect(effective([], ["ALL"])).toEqual([]);
    expect(effective(["CHOWN"], ["all"])).toEqual(["CAP_CHOWN"]);
    expect(effective(["ALL"], ["SYS_ADMIN"])).not.toContain("CAP_SYS_ADMIN");
    expect(effective(["ALL"], [])).toContain("CAP_SYS_ADMIN");
    expect(effective(["sys_time,cap_net_raw"], [])).toContain("CAP_NET_RAW");
    expect(() => effective(["FLY"], [])).toThrow('no capability "FLY"');
  });

  test("--security-opt", () => {
    const of = (...securityOpt: string[]) => rootfsSandbox({ securityOpt }).spec;
    expect(of().linux.seccomp?.defaultAction).toBe("SCMP_ACT_ERRNO");
    expect(of("seccomp=unconfined").linux.seccomp).toBeUndefined();
    const texts = { "/p.json": '{"defaultAction":"SCMP_ACT_ALLOW"}' };
    const given = rootfsSandbox({ securityOpt: ["seccomp=/p.json"] }, { texts }).spec.linux.seccomp;
    expect(given?.defaultAction).toBe("SCMP_ACT_ALLOW");
    expect(of("no-new-privileges").process.noNewPrivileges).toBe(true);
    expect(hostSandbox({ securityOpt: ["no-new-privileges:false"] }).spec.process.noNewPrivileges).toBe(
      false,
    );
    expect(of("unmask=/proc/kcore").linux.maskedPaths).not.toContain("/proc/kcore");
    expect(of("unmask=ALL").linux).toMatchObject({ maskedPaths: [], readonlyPaths: [] });
    expect(of("systempaths=unconfined").linux.readonlyPaths).toEqual([]);
    expect(of("mask=/a:/b").linux.maskedPaths?.slice(-2)).toEqual(["/a", "/b"]);
    expect(of("apparmor=web").process.apparmorProfile).toBe("web");
    expect(() => of("label=type:x")).toThrow("SELinux");
    expect(() => of("shields=up")).toThrow("no security option shields");
    expect(() => of("seccomp=/none")).toThrow("seccomp=/none");
  });

  test("network and ports", () => {
    expect(hostSandbox({ network: "none" }).spec.linux.namespaces).toContainEqual({ type: "network" });
    const pasta = rootfsSandbox({ network: "pasta", publish: ["8080:80", "[::1]:53:53/udp", "9"] });
    expect(pasta.spec.hooks).toMatchObject({
      createRuntime: [
        {
          path: "/usr/bin/brun",
          args: [
            ...["/usr/bin/brun", "sandbox-hook", "connect", "pasta", "/run/user/1000/brun/@network", "box"],
            ...["8080:80/tcp", "[::1]:53:53/udp", "9:9/tcp"],
          ],
        },
      ],
      poststop: [{ args: expect.arrayContaining(["disconnect", "pasta"]) }],
    });
    expect(pasta.spec.linux.namespaces).toContainEqual({ type: "network" });
    expect(mountOn(pasta, "/etc/resolv.conf")?.source).toBe("/run/user/1000/brun/@network/pasta.resolv.conf");
    const missing = { view: { program: () => null } };
    expect(() => hostSandbox({ network: "slirp4netns" }, missing)).toThrow("slirp4netns is not installed");
    expect(() => hostSandbox({ network: "bridge" })).toThrow('there is no network "bridge"');
    expect(() => rootfsSandbox({ publish: ["80"] })).toThrow("ports are published by pasta");
    expect(() => rootfsSandbox({ network: "pasta", publish: ["http"] })).toThrow('"http" is no port');
  });

  test("what comes out is a valid config", () => {
    for (const { spec } of [hostSandbox({ readOnly: true }), rootfsSandbox({ memory: "1g", user: "1" })]) {
      expect(parseSpec(toJson(spec), "flags").warnings).toEqual([]);
    }
  });
});

describe("what others can swap", () => {
  const links = { "/data/link": "/home/dev/.ssh", "/data/root": "/srv/root", "/data/up": "/home/dev/up" };
  const files = { "/data/link": { type: "link", uid: 7, gid: 7, mode: 0o777 } } as const;

  test("is what it leads to when brun looks, and no link is followed later", () => {
    const volume = hostSandbox({ volume: ["/data/link:/x"] }, { links, files });
    expect(mountOn(volume, "/x")).toMatchObject({
      source: "/home/dev/.ssh",
      options: expect.arrayContaining(["src-nosymlinks"]),
    });
    const writable = mountOn(hostSandbox({ rw: ["/srv/root"] }), "/srv/root")?.options;
    expect(writable).toEqual(["rbind", "src-nosymlinks", "dest-nosymlinks", "rprivate"]);
    const root = { kind: "rootfs", path: "/data/root" } as const;
    const there = { ...files, "/data/root": files["/data/link"] };
    expect(rootfsSandbox({ root }, { links, files: there }).spec.root?.path).toBe("/srv/root");
    const kept = mountOn(hostSandbox({ upper: "/data/up" }, { links }), "/etc")?.options;
    expect(kept).toContain("upperdir=/home/dev/up/upper/etc");
    expect(mountOn(hostSandbox(), "/home/dev/.ssh")?.options).toContain("dest-nosymlinks");
  });

  test("and leads to what has no path here is refused", () => {
    const view = { isSame: () => false };
    for (const flags of [
      { volume: ["/data/link:/x"] },
      { root: { kind: "rootfs", path: "/srv/root" } as const },
    ])
      expect(() => hostSandbox(flags, { links, files, view })).toThrow(/leads to what has no path here/);
  });

  test("in /tmp, and is a link of theirs, is no secret of the caller's", () => {
    const made = (uid: number) => ({
      links: { "/tmp/krb5cc_1": "/etc" },
      files: {
        "/tmp/krb5cc_1": { type: "link", uid, gid: uid, mode: 0o777 } as const,
        "/tmp/ssh-x": { type: "dir", uid, gid: uid, mode: 0o700 } as const,
      },
    });
    const isHidden = (uid: number, path: string) =>
      mountOn(hostSandbox({}, made(uid)), path)?.source === "hidden";
    expect([isHidden(7, "/etc"), isHidden(1000, "/etc"), isHidden(7, "/tmp/ssh-x")]).toEqual([
      false,
      true,
      true,
    ]);
  });
});

describe("brun's own directories", () => {
  const covers = (sandbox: Sandbox) =>
    sandbox.placed
      .flatMap(({ flag, mount }) => (flag === "(brun's own state)" ? [mount.destination] : []))
      // The default directory without XDG_RUNTIME_DIR can always be made in the copy of /tmp.
      .filter((path) => path !== "/tmp/brun-1000");
  const own = (uid: number) => ({ type: "dir", uid, gid: uid, mode: 0o700 }) as const;
  const cache = { "/home/dev/.cache": own(1000), "/home/dev/.cache/brun": own(1000) };

  test("are covered where a mount shows them, last, and not where another mount lies over them", () => {
    expect(covers(hostSandbox({}, { files: cache }))).toEqual(["/home/dev/.cache/brun"]);
    const logs = { "/home/dev/.local/state/brun": own(1000) };
    expect(covers(hostSandbox({}, { files: logs }))).toEqual(Object.keys(logs));
    expect(covers(hostSandbox({ tmpfs: ["/home/dev"] }, { files: cache }))).toEqual([]);
    const moved = hostSandbox({ volume: ["/home/dev:/mnt"] }, { files: cache });
    // What is made for /mnt is in the copy as well.
    expect(covers(moved)).toEqual([
      "/home/dev/.cache/brun",
      "/home/dev/.local/share/brun",
      "/home/dev/.local/state/brun",
      "/mnt/.cache/brun",
      "/mnt/.local/share/brun",
      "/mnt/.local/state/brun",
    ]);
    expect(moved.make).toEqual(["/home/dev/.local/share/brun", "/home/dev/.local/state/brun"]);
    expect(moved.spec.mounts!.at(-1)!.options).toEqual([
      "nosuid",
      "nodev",
      "mode=700",
      "uid=1000",
      "gid=1000",
    ]);
  });

  test("in a mount that writes to the host, what is on the way to them is a mount point", () => {
    const { spec } = hostSandbox({ rw: ["/home/dev"] }, { files: cache });
    const at = spec.mounts!.findIndex(
      ({ type, destination }) => type === "bind" && destination === "/home/dev",
    );
    expect(
      spec.mounts!.slice(at + 1, at + 4).map(({ type, destination }) => `${type} ${destination}`),
    ).toEqual(["bind /home/dev/.cache", "bind /home/dev/.local", "bind /home/dev/.local/share"]);
  });

  test("are found by links and by other mounts of their file system", () => {
    const links = { "/home/dev/.cache": "/data/cache" };
    const files = {
      "/data/cache/brun": own(1000),
      "/data": { ...own(0), mode: 0o755 },
      "/data/cache": own(1000),
    };
    const linked = hostSandbox({ rw: ["/home/dev"], rwAll: true }, { links, files });
    expect(covers(linked)).toContain("/data/cache/brun");
    expect(linked.spec.mounts!.filter(({ options }) => options?.includes("dest-nofollow"))).toEqual([
      {
        destination: "/home/dev/.cache",
        type: "bind",
        source: "/home/dev/.cache",
        options: ["bind", "src-nofollow", "src-nosymlinks", "dest-nofollow"],
      },
    ]);
    const again = {
      mounts: [
        ["/home", "ext4", "8:1", "/"],
        ["/mnt", "ext4", "8:1", "/dev"],
      ] as const,
      files: cache,
    };
    expect(
      covers(
        rootfsSandbox(
          { volume: ["/mnt:/x"] },
          { ...again, files: { ...cache, "/mnt": { ...own(0), mode: 0o755 } } },
        ),
      ),
    ).toContain("/x/.cache/brun");
  });

  test("are not covered where nobody in the container can get to them", () => {
    const mounts = [
      ["/tmp", "ext4", "8:1", "/"],
      ["/mnt/other/bound", "ext4", "8:1", "/"],
    ] as const;
    const seen = (other: object) => {
      const dirs = { "/mnt": { ...own(0), mode: 0o755 }, "/mnt/other": { ...own(7), ...other } };
      const files = { "/tmp/brun-1000": own(1000), ...dirs };
      return covers(rootfsSandbox({ volume: ["/mnt:/x"] }, { mounts, files }));
    };
    expect(seen({ mode: 0o755 })).toEqual(["/x/other/bound/brun-1000"]);
    expect(seen({})).toEqual([]);
    // The owner could open a closed directory.
    expect(seen({ uid: 1000, mode: 0 })).toEqual(["/x/other/bound/brun-1000"]);
    expect(seen({ uid: 100_005 })).toEqual(["/x/other/bound/brun-1000"]);
  });

  test("that are files are covered, and root of a user namespace has those of the user that it is", () => {
    const file = { type: "file", uid: 1000, gid: 1000, mode: 0o644, size: 0 } as const;
    const odd = hostSandbox({}, { files: { ...cache, "/home/dev/.cache/brun": file } });
    expect(mountOn(odd, "/home/dev/.cache/brun")?.source).toBe("/dev/null");
    const view = { caller: { uid: 0, gid: 0, userName: "root", privileged: false } };
    const texts = { "/proc/self/uid_map": "         0       1234          1\n" };
    const root = hostSandbox({}, { view, texts, files: { "/tmp/brun-1234": own(0) } });
    expect(covers(root)).toContain("/tmp/brun-1234");
  });

  test("cannot be asked for", () => {
    const view = { stateDirectory: "/home/dev/state" };
    const files = { "/home/dev/state": own(1000), "/home/dev/state/c": own(1000) };
    for (const flags of [
      { volume: ["/home/dev/state:/x:ro"] },
      { volume: ["/home/dev/state/c:/x:O"] },
      { rw: ["/home/dev/state"] },
      { mount: ["src=/home/dev/state,dst=/x"] },
      { upper: "/home/dev/state/x" },
    ])
      expect(() => hostSandbox(flags, { view, files })).toThrow(
        /is where brun keeps the state of its containers/,
      );
  });
});
