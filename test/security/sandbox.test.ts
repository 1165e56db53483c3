/** Containers without a bundle (`run --host`, `run --rootfs`), attacked from inside. */
import { describe, expect, test } from "bun:test";
import { isRoot, ownedDir } from "../support/caller.ts";
import { makeRootfs } from "../support/rootfs.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  describe(subject.label, () => {
    // A file system that everybody may write to stands for fusectl, debugfs, tracefs and the like.
    test.skipIf(!isRoot)("what is mounted below /sys is as read-only as /sys", async () => {
      await using box = new Sandbox(subject);
      const root = makeRootfs(ownedDir(caller, `${box.dir}/root`), caller);
      const trap = "mount -t tmpfs -o mode=777 trap /sys/kernel/debug && mkdir -m 777 /sys/kernel/debug/1 &&";
      const under = [
        "unshare",
        "-m",
        "sh",
        "-c",
        `${trap} touch /sys/kernel/debug/1/abort && exec "$@"`,
        "sh",
      ];
      const script = `for f in /sys/kernel/debug/1/abort /sys/kernel/debug/new; do echo 1 > $f && echo "wrote $f"; done
        grep ' /sys' /proc/self/mountinfo | cut -d' ' -f5,6 | grep -v ' ro'; true`;
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sh", "-c", script];
        spec.linux.namespaces = spec.linux.namespaces?.filter(({ type }) => type !== "network");
      });
      for (const argv of [
        ["run", "--host", "--", "sh", "-c", script],
        ["run", "--rootfs", root, "--network", "host", "--", "sh", "-c", script],
        ["run", "--bundle", bundle, box.name()],
      ]) {
        const { code, stdout } = await box.call(argv, { under });
        expect({ argv: argv[1], code, stdout }).toEqual({ argv: argv[1]!, code: 0, stdout: "" });
      }
    });
  });
}
