import { expect, test } from "bun:test";
import { kernelMountsIn } from "./kernel-mounts.ts";

test("procfs and sysfs outside the root, with escaped blanks", () => {
  const mountinfo = [
    "21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw",
    "22 21 0:20 / /proc rw,nosuid - proc proc rw",
    "23 21 0:21 / /sys rw,nosuid shared:3 master:2 - sysfs sysfs rw",
    "24 22 0:22 / /proc/sys/fs/binfmt_misc rw - binfmt_misc none rw",
    "25 21 0:20 / /mnt/a\\040b rw - proc proc rw",
    "26 21 0:20 / /bundle/rootfs/proc rw - proc proc rw",
    "",
  ].join("\n");
  expect(kernelMountsIn(mountinfo, "/bundle/rootfs")).toEqual(["/proc", "/sys", "/mnt/a b"]);
});
