/** Programs of mounts that replace the root, and of overlays with their upper directory on a tmpfs. */
import { expect, test } from "bun:test";
import { phrase } from "../plan/step.ts";
import type { Mount } from "../spec/index.ts";
import { recordedPrograms } from "./standard.ts";
import { configFor, plain } from "./testing/golden.ts";

/** The operations of these mounts and the end of a config's program: "fsopen: mount overlay on /". */
function operations(mounts: Mount[], maps = [{ containerID: 0, hostID: 1000, size: 1 }]): string[] {
  const spec = plain(true);
  const linux = { ...spec.linux, uidMappings: maps, gidMappings: maps };
  const config = configFor({ ...spec, mounts, linux }, {});
  return recordedPrograms(config, null).flatMap(({ ops }) =>
    ops.map(({ name, step }) => `${name}: ${phrase(step)}`),
  );
}

const overlay = (destination: string, ...options: string[]): Mount => ({
  destination,
  type: "overlay",
  source: "overlay",
  options: ["tmpupper", ...options],
});

test("a mount on / takes the place of the root", () => {
  const found = operations([{ destination: "/", type: "tmpfs", source: "tmpfs", options: ["mode=755"] }]);
  const own = found.filter((text) => text.endsWith(": mount tmpfs on /"));
  expect(own.map((text) => text.split(":")[0])).toEqual([
    ...["fsopen", "fsconfig", "fsconfig", "fsconfig", "fsmount", "close", "move_mount", "close"],
  ]);
});

test("upper directories are on one tmpfs, which is unmounted when all mounts are done", () => {
  const found = operations([overlay("/a", "lowerdir=/x"), overlay("/b", "lowerdir=/y", "uid=0")]);
  expect(found.filter((text) => text.startsWith("umount2: unmount the tmpfs"))).toHaveLength(1);
  // This one is for the tmpfs.
  expect(found.filter((text) => text.startsWith("fsopen: mount overlay"))).toHaveLength(1);
  expect(found.filter((text) => text.startsWith("fchownat: mount overlay"))).toEqual([
    "fchownat: mount overlay on /b",
  ]);
});

test("an overlay is one call of mount(2), unless it asks for more than that does", () => {
  const found = operations([overlay("/a", "lowerdir=/x", "ro"), overlay("/b", "lowerdir=/y", "rprivate")]);
  const calls = (place: string) =>
    found.filter((text) => text.endsWith(`: mount overlay on ${place}`)).map((text) => text.split(":")[0]);
  expect(calls("/a").filter((name) => name === "mount")).toHaveLength(1);
  expect(calls("/b")).toContain("fsmount");
});

test("a root whose place the first mount takes is not copied before, and nothing of it is left over /", () => {
  const found = (...mounts: Mount[]) => {
    const spec = { ...plain(true), mounts };
    const config = configFor({ ...spec, root: { path: "/" } }, {});
    const ops = recordedPrograms({ ...config, rootfs: "/" }, null).flatMap(({ ops }) => ops);
    const enters = ops.filter(({ step }) => step.kind === "enterRoot");
    return [
      ops.filter(({ name, step }) => name === "open_tree" && step.kind === "openRoot").length,
      enters.filter(({ name }) => name === "umount2").length,
    ];
  };
  const tmpfs = { destination: "/", type: "tmpfs", source: "tmpfs" };
  expect(found(tmpfs)).toEqual([0, 1]);
  expect(found()).toEqual([1, 1]);
  expect(found(overlay("/a", "lowerdir=/x"), tmpfs)).toEqual([1, 3]);
  expect(found(overlay("/", "lowerdir=/x"))).toEqual([0, 2]);
  expect(found(tmpfs, tmpfs)).toEqual([0, 2]);
});

test("a directory in a tmpfs needs no mount", () => {
  const tmpfs = (destination: string, ...options: string[]) => ({ destination, type: "tmpfs", options });
  const found = operations([
    tmpfs("/", "mode=555"),
    tmpfs("/mnt", "directory", "mode=555", "uid=0"),
    tmpfs("/mnt/a", "directory", "mode=700"),
  ]);
  const of = (place: string) =>
    found.filter((text) => text.endsWith(`: mount tmpfs on ${place}`)).map((text) => text.split(":")[0]);
  expect(of("/mnt")).toEqual(["mkdirat", "fchownat"]);
  expect(of("/mnt/a")).not.toContain("mount");
});

test("what lies below a new root goes with the old one", () => {
  const found = operations([overlay("/", "lowerdir=/x")]);
  expect(found.some((text) => text.startsWith("umount2: unmount the tmpfs"))).toBe(false);
});

test("without an id 0 inside nobody becomes root", () => {
  const becomes = (maps?: Parameters<typeof operations>[1]) =>
    operations([], maps).some((text) => text.endsWith(": become root of the user namespace"));
  expect(becomes()).toBe(true);
  expect(becomes([{ containerID: 1000, hostID: 1000, size: 1 }])).toBe(false);
});
