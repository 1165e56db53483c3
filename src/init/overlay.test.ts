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
  // Three file systems, one of them the tmpfs.
  expect(found.filter((text) => text.startsWith("fsopen: mount overlay"))).toHaveLength(3);
  expect(found.filter((text) => text.startsWith("fchownat: mount overlay"))).toEqual([
    "fchownat: mount overlay on /b",
  ]);
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
