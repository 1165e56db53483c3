import { describe, expect, test } from "bun:test";
import type { Caller } from "./caller.ts";
import type { IdMap } from "./idmap.ts";
import { failure } from "./testing/failure.ts";
import { validateMaps, validatePermitted } from "./validate.ts";

const map = (containerId: number, hostId: number, size: number): IdMap => ({ containerId, hostId, size });
const good = [map(0, 1000, 1)];
const dev: Caller = { uid: 1000, gid: 1000, userName: "dev", privileged: false };

describe("validateMaps", () => {
  test.each([
    ["one id", good],
    ["touching ranges, in any order", [map(1, 100000, 10), map(0, 1000, 1), map(11, 100010, 5)]],
    ["the last id", [map(0, 0, 0xffffffff)]],
  ])("accepts %s", (_, uid) => {
    expect(failure(() => validateMaps({ uid, gid: good }))).toBe("");
  });

  test.each<[string, IdMap[], string]>([
    ["no mapping", [], "linux.uidMappings maps no id"],
    ["size 0", [map(0, 1000, 0)], "linux.uidMappings[0].size is 0, at least 1 is needed"],
    [
      "container ids twice",
      [map(0, 1000, 10), map(20, 5000, 5), map(9, 2000, 2)],
      "linux.uidMappings[2]: the containerIDs 9-10 overlap 0-9 of linux.uidMappings[0]",
    ],
    [
      "host ids twice",
      [map(0, 1000, 10), map(10, 1009, 1)],
      "linux.uidMappings[1]: the hostIDs 1009-1009 overlap 1000-1009 of linux.uidMappings[0]",
    ],
    [
      "beyond the last id",
      [map(0, 4294967290, 10)],
      "linux.uidMappings[0]: hostID 4294967290 with size 10 goes beyond the last id, 4294967294",
    ],
    [
      "too many",
      Array.from({ length: 341 }, (_, i) => map(i, i, 1)),
      "linux.uidMappings has 341 mappings, and the kernel takes 340",
    ],
  ])("refuses %s", (_, uid, message) => {
    expect(failure(() => validateMaps({ uid, gid: good }))).toStartWith(message);
  });

  test("says which kind", () => {
    expect(failure(() => validateMaps({ uid: good, gid: [] }))).toStartWith("linux.gidMappings maps no id");
  });
});

describe("validatePermitted", () => {
  const subids = {
    uid: [
      { start: 100000, size: 10, origin: "/etc/subuid:1" },
      { start: 100010, size: 10, origin: "/etc/subuid:2" },
    ],
    gid: [],
  };

  test("accepts the caller's own ids and subordinate ones, also across touching ranges", () => {
    const uid = [map(0, 1000, 1), map(1, 100005, 15)];
    expect(failure(() => validatePermitted({ uid, gid: good }, dev, subids))).toBe("");
  });

  test("names the file and the line to add", () => {
    const uid = [map(0, 1000, 1), map(1, 100005, 16)];
    expect(failure(() => validatePermitted({ uid, gid: good }, dev, subids))).toBe(
      'linux.uidMappings[1]: host ids 100005-100020 are not subordinate uids of user dev; hint: add "dev:100005:16" to /etc/subuid as root',
    );
    expect(failure(() => validatePermitted({ uid: good, gid: [map(0, 5, 1)] }, dev, subids))).toBe(
      'linux.gidMappings[0]: host id 5 is not a subordinate gid of user dev; hint: add "dev:5:1" to /etc/subgid as root',
    );
  });

  test("says that a uid without a name cannot use newuidmap", () => {
    const nobody = { ...dev, userName: null };
    expect(failure(() => validatePermitted({ uid: [map(0, 5, 2)], gid: good }, nobody, subids))).toBe(
      'linux.uidMappings[0]: host ids 5-6 are not subordinate uids of uid 1000; hint: add "1000:5:2" to /etc/subuid as root, ' +
        "and an entry for uid 1000 to /etc/passwd, without which newuidmap refuses",
    );
  });

  test("lets a privileged caller map any id", () => {
    const maps = { uid: [map(0, 0, 65536)], gid: [map(0, 0, 65536)] };
    expect(failure(() => validatePermitted(maps, { ...dev, privileged: true }, subids))).toBe("");
  });
});
