/** A user whose cgroup lacks controllers. Only in the test machine, where root makes such a cgroup. */
import { describe, expect, test } from "bun:test";
import { chownSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { testUser } from "../support/caller.ts";
import { Sandbox } from "../support/sandbox.ts";
import { diskNumber, MOUNT, place } from "./place.ts";

/** Enters a cgroup before it becomes the command after it. */
const ENTER = 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"';

if (place()?.name === "root-cgroupfs") {
  describe("a user with memory and pids alone", () => {
    test("what cpuset and io limits would need is named with the drop-in, the others hold", async () => {
      const top = `${MOUNT}/brun-test-delegation`;
      const [own, caller] = [`${top}/user`, testUser()];
      mkdirSync(top);
      writeFileSync(`${top}/cgroup.subtree_control`, "+memory +pids");
      mkdirSync(`${own}/shell`, { recursive: true });
      for (const name of ["", "/cgroup.procs", "/cgroup.subtree_control", "/shell", "/shell/cgroup.procs"]) {
        chownSync(`${own}${name}`, caller.uid, caller.gid);
      }
      try {
        const prefix = ["sh", "-c", ENTER, "sh", `${own}/shell`, ...caller.prefix];
        await using box = new Sandbox({
          runtime: "brun",
          caller: { ...caller, prefix },
          label: "user",
          unavailable: undefined,
        });
        const run = (resources: object) =>
          box.sh(
            "echo ran",
            (spec) => {
              spec.linux.resources = resources;
            },
            { globals: ["--cgroup-manager=cgroupfs"] },
          );
        expect(await run({ memory: { limit: 32 << 20 }, pids: { limit: 9 } })).toMatchObject({
          stdout: "ran\n",
          stderr: "",
        });
        const disk = diskNumber("vda").join(":");
        for (const [resources, controller] of [
          [{ cpu: { cpus: "0" } }, "cpuset"],
          [{ unified: { "io.max": `${disk} rbps=1000000` } }, "io"],
        ] as const) {
          const { code, stderr } = await run(resources);
          expect({ code, stderr }).toEqual({
            code: 1,
            stderr: expect.stringContaining(`the ${controller} controller is not available`),
          });
          expect(stderr).toContain("/etc/systemd/system/user@.service.d/delegate.conf");
          expect(stderr).toContain("Delegate=cpu cpuset io memory pids");
        }
      } finally {
        for (const directory of [`${own}/shell`, own, top]) rmdirSync(directory);
      }
    });
  });
}
