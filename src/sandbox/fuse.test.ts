/** Tests when fuse-overlayfs can be used. */
import { expect, test } from "bun:test";
import { fuseObstacle } from "./fuse.ts";
import { type Fixture, fixtureView } from "./testing/fixture.ts";

const mayWrite = () => true;
const files = { "/etc/mtab": { type: "file", uid: 0, gid: 0, mode: 0o644 } } as const;
const obstacle = (view: Fixture["view"]) =>
  fuseObstacle(fixtureView({ files, view: { mayWrite, ...view } }))?.why;

test("nothing is in its way where it is installed", () => {
  expect(obstacle({})).toBeUndefined();
});

test("what is in its way is named", () => {
  expect(obstacle({ rootless: false })).toBe("root has the kernel's overlays");
  expect(obstacle({ program: () => null })).toBe("fuse-overlayfs is not installed");
  expect(obstacle({ follow: () => null })).toContain("/etc/mtab is not there");
  expect(obstacle({ mayWrite: () => false })).toContain("/dev/fuse");
  expect(obstacle({ stateDirectory: "/r\udcff/brun" })).toBe(
    "the state directory /r\udcff/brun has bytes that are not UTF-8",
  );
});
