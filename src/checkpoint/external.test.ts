import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { checkMountPoint, externalMounts, parseMountInfo, restoreMounts } from "./external.ts";

const HOST = `20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
21 20 0:5 / /dev rw shared:2 - devtmpfs udev rw
22 20 0:22 / /sys rw shared:3 - sysfs sysfs rw
23 22 0:23 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw
24 20 0:24 / /run rw shared:5 - tmpfs tmpfs rw`;

const INSIDE = `100 99 8:1 /bundle/rootfs / rw - ext4 /dev/sda1 rw
101 100 0:50 / /proc rw - proc proc rw
102 100 0:51 / /dev rw - tmpfs tmpfs rw
103 102 0:52 / /dev/pts rw - devpts devpts rw
104 100 0:22 / /sys ro - sysfs sysfs rw
105 104 0:23 /system.slice/c1 /sys/fs/cgroup ro - cgroup2 cgroup rw
106 100 8:1 /home/me/a\\040b /data rw - ext4 /dev/sda1 rw
107 100 0:24 /sock /run/sock rw - tmpfs tmpfs rw
108 101 0:5 /null /proc/kcore rw - devtmpfs udev rw
109 101 0:53 / /proc/acpi ro - tmpfs none rw
110 101 0:53 / /proc/scsi ro - tmpfs none rw
111 101 0:50 /sys /proc/sys ro - proc proc rw
112 100 8:1 /bundle/rootfs/etc /again rw - ext4 /dev/sda1 rw
113 102 0:52 /0 /dev/console rw - devpts devpts rw`;

test("external is what is bound from the host, not what the container has mounted or bound from its own", () => {
  const mounts = externalMounts(parseMountInfo(INSIDE), parseMountInfo(HOST));
  expect(mounts).toEqual(["/data", "/run/sock", "/proc/kcore"]);
});

test("spaces in paths", () => {
  expect(parseMountInfo(INSIDE)[6]).toEqual({
    id: 106,
    device: "8:1",
    root: "/home/me/a b",
    target: "/data",
    type: "ext4",
  });
});

test("a restore takes sources from the config, and what was below them from below", () => {
  const configured = [
    { key: "/data", val: "/srv/data" },
    { key: "/data/deep", val: "/srv/deep" },
  ];
  const names = ["/data", "/dev/null", "/data/sub/x", "/data/deep/y", "/elsewhere"];
  expect(restoreMounts(names, configured)).toEqual([
    { key: "/dev/null", val: "/dev/null" },
    ...configured,
    { key: "/data/sub/x", val: "/srv/data/sub/x" },
    { key: "/data/deep/y", val: "/srv/deep/y" },
  ]);
});

test("a mount point that CRIU would read as another mount is refused (CVE-2026-119101)", () => {
  for (const path of ["/data]:/etc", "/a]:", "/data/../../etc", "/.."]) {
    expect(() => checkMountPoint(path)).toThrow("cannot name the mount point");
    expect(() => restoreMounts([path], [{ key: "/data", val: "/srv" }])).toThrow(
      "cannot name the mount point",
    );
    expect(() => restoreMounts([], [{ key: path, val: "/srv" }])).toThrow("cannot name the mount point");
  }
  for (const path of ["/a]b", "/a:b", "/..a/b..", "/[x]/y"]) expect(checkMountPoint(path)).toBe(path);
});

test("a link that the container has put where a mount was is not followed", () => {
  const source = mkdtempSync("/tmp/brun-external-");
  try {
    mkdirSync(`${source}/sub/x`, { recursive: true });
    symlinkSync("/etc", `${source}/link`);
    const from = (name: string) => restoreMounts([name], [{ key: "/data", val: source }]).at(-1)!.val;
    expect(from("/data/sub/x")).toBe(`${source}/sub/x`);
    expect(() => from("/data/link")).toThrow("symbolic link now");
    expect(() => from("/data/link/ssl")).toThrow("symbolic link now");
  } finally {
    rmSync(source, { recursive: true });
  }
});
