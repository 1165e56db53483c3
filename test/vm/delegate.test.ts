/** Annotation run.oci.delegate-cgroup at each place of the test machine, whose cgroup2 has nsdelegate. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { fileText, PlacedSandbox, place } from "./place.ts";

const CGROUP = "/sys/fs/cgroup";
/** The line of the cgroup mount, with its options. */
const options = () => /^\S+ \/sys\/fs\/cgroup .*$/m.exec(readFileSync("/proc/mounts", "utf8"))![0];
const PIDS = { pids: { limit: 32 } };

const here = place();
if (here !== undefined) {
  describe(`brun at ${here.name}`, () => {
    test("a container limits cgroups of its own, and cannot lift its own limits", async () => {
      await using box = new PlacedSandbox(here);
      const id = await box.detached((spec) => {
        spec.linux.resources = PIDS;
        spec.annotations = { "run.oci.delegate-cgroup": "payload" };
        spec.mounts = spec.mounts.filter((mount) => mount.destination !== CGROUP);
        spec.mounts.push({ destination: CGROUP, type: "cgroup", source: "cgroup", options: ["rw"] });
      });
      const part = await box.cgroupOf(id);
      expect(part).toEndWith("/payload");
      const above = part.slice(0, -"/payload".length);
      expect([fileText(above, "pids.max"), fileText(part, "pids.max")]).toEqual(["32", "max"]);

      const script = `
        cd ${CGROUP}
        grep ^0:: /proc/self/cgroup
        { echo max >pids.max; } 2>/dev/null || echo above: refused
        cat pids.max
        mkdir payload/first payload/limited
        for pid in $(cat payload/cgroup.procs); do echo $pid >payload/first/cgroup.procs; done 2>/dev/null
        echo +pids >payload/cgroup.subtree_control && echo 5 >payload/limited/pids.max
        cat payload/limited/pids.max`;
      expect(await box.exec(id, script)).toMatchObject({
        stderr: "",
        stdout: "0::/payload\nabove: refused\n32\n5\n",
      });
      // The part holds only cgroups now: exec goes where the first process has gone.
      expect((await box.exec(id, "grep ^0:: /proc/self/cgroup")).stdout).toBe("0::/payload/first\n");

      await box.ok(["update", "--pids-limit", "40", id]);
      expect([fileText(above, "pids.max"), fileText(part, "pids.max")]).toEqual(["40", "max"]);
      await box.ok(["pause", id]);
      expect((await box.inspect(id)).status).toBe("paused");
      await box.ok(["resume", id]);
      const { data } = JSON.parse(await box.ok(["events", "--stats", id]));
      expect(data.pids).toMatchObject({ current: 1, limit: 40 });
      await box.ok(["delete", "--force", id]);
      await box.untilGone(id);
    });

    if (!here.user) {
      test("it is there again after checkpoint and restore", async () => {
        await using box = new PlacedSandbox(here);
        const [id, bundle] = [
          box.name(),
          box.bundle((spec) => {
            spec.process.args = ["/bin/sleep", "1000"];
            spec.linux.resources = PIDS;
            spec.annotations = { "run.oci.delegate-cgroup": "payload" };
          }),
        ];
        await box.ok(["run", "--detach", "--bundle", bundle, id]);
        const images = `${bundle}/images`;
        // CRIU mounts cgroup2 for itself, without the options.
        const before = options();
        await box.ok(["checkpoint", "--image-path", images, id]);
        expect(options()).toBe(before);
        await box.ok(["restore", "--detach", "--image-path", images, "--bundle", bundle, id]);
        expect(options()).toBe(before);
        const part = await box.cgroupOf(id);
        expect(part).toEndWith("/payload");
        expect(fileText(part.slice(0, -"/payload".length), "pids.max")).toBe("32");
        expect((await box.exec(id, "grep ^0:: /proc/self/cgroup")).stdout).toBe("0::/payload\n");
        await box.ok(["delete", "--force", id]);
        await box.untilGone(id);
      });

      test("a container in the host's cgroup namespace leaves the host's mount options as they are", async () => {
        await using box = new PlacedSandbox(here);
        const before = options();
        expect(before).toContain("nsdelegate");
        for (const option of ["ro", "rw"]) {
          const script = `ls ${CGROUP}/cgroup.subtree_control
            sed -n 's,.* ${CGROUP} \\(r.\\).*,\\1,p' /proc/self/mountinfo`;
          const outcome = await box.sh(script, (spec) => {
            spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "cgroup");
            spec.mounts = spec.mounts.filter((mount) => mount.destination !== CGROUP);
            spec.mounts.push({ destination: CGROUP, type: "cgroup", source: "cgroup", options: [option] });
          });
          expect(outcome.stdout).toBe(`${CGROUP}/cgroup.subtree_control\n${option}\n`);
        }
        expect(options()).toBe(before);
      });
    }

    test("a program that ends leaves nothing", async () => {
      await using box = new PlacedSandbox(here);
      const outcome = await box.sh("grep ^0:: /proc/self/cgroup", (spec) => {
        spec.annotations = { "run.oci.delegate-cgroup": "a/b" };
      });
      expect(outcome).toMatchObject({ code: 0, stderr: "", stdout: "0::/a/b\n" });
      await box.untilGone();
    });
  });
}
