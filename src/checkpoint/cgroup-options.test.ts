import { expect, test } from "bun:test";
import { cgroupOptions } from "./cgroup-options.ts";

test("options of cgroup v2 are those of its file system, not of a mount", () => {
  const lines = [
    "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard",
    "25 22 0:23 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot",
  ];
  expect(cgroupOptions(lines.join("\n"))).toEqual(["nsdelegate", "memory_recursiveprot"]);
  expect(cgroupOptions(lines[0])).toEqual([]);
});
