/** AppArmor's profiles on containers, in the test machine, whose kernel has it; elsewhere there are no tests here. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { host, testUser } from "../support/caller.ts";
import { Sandbox } from "../support/sandbox.ts";
import type { TestSpec } from "../support/spec.ts";
import { PlacedSandbox, place } from "./place.ts";

/** Everything is allowed but what lies in /secret; the second allows that too. */
const PROFILE = `profile brun-test flags=(attach_disconnected,mediate_deleted) {
  file, capability, network, mount, umount, pivot_root, signal, ptrace, unix,
  deny /secret/** rw,
}
profile brun-test-exec flags=(attach_disconnected,mediate_deleted) {
  file, capability, network, signal, ptrace, unix,
}
`;

/**
 * What Ubuntu 24.04 and later put on programs without a profile in a user namespace, as far as this AppArmor has its rules:
 * there the kernel changes to it when the namespace is made, here aa-exec does before. And a profile that knows no mounts.
 */
const AROUND = `profile unprivileged_userns {
  audit deny capability,
  audit deny change_profile,
  network, signal, ptrace, unix, file rwlkm /**,
  pix /** -> &unprivileged_userns,
}
profile brun-test-outer flags=(attach_disconnected,mediate_deleted) {
  file, capability, network, signal, ptrace, unix,
}
`;

/** Shows the profile, and whether /secret can be read. */
const LOOK = "cat /proc/self/attr/current; cat /secret/file 2>/dev/null || echo denied";

const confined = (spec: TestSpec): void => {
  Object.assign(spec.process, { apparmorProfile: "brun-test" });
  spec.mounts.push({ destination: "/secret", type: "tmpfs", source: "tmpfs" });
};

const here = place();
if (here?.name === "root-systemd") {
  describe("AppArmor", () => {
    const parser = (flag: string) =>
      Bun.spawnSync(["apparmor_parser", flag], { stdin: Buffer.from(PROFILE + AROUND), stderr: "pipe" });

    beforeAll(() => {
      // AppArmor's unit does not run in this machine, and what it mounts is not there.
      host("sh", "-c", "mountpoint -q /sys/kernel/security || mount -t securityfs none /sys/kernel/security");
      const { exitCode, stderr } = parser("--replace");
      if (exitCode !== 0) throw new Error(`apparmor_parser: ${stderr}`);
    });
    afterAll(() => {
      parser("--remove");
    });

    test("a container has its profile, so does exec, which may have another", async () => {
      await using box = new PlacedSandbox(here);
      const id = await box.detached(confined);
      const look = async (...flags: string[]) => (await box.exec(id, LOOK, flags)).stdout;
      expect(await look()).toBe("brun-test (enforce)\ndenied\n");
      expect(await look("--apparmor", "brun-test-exec")).toBe("brun-test-exec (enforce)\ndenied\n");
      const { pid } = await box.inspect(id);
      expect(host("cat", `/proc/${pid}/attr/current`)).toBe("brun-test (enforce)\n");
    });

    test("the profile holds: what it denies is denied to root of the container", async () => {
      await using box = new PlacedSandbox(here);
      const script = "echo text >/secret/file && echo written; cat /proc/self/attr/current";
      const free = await box.sh(script, (spec) => {
        confined(spec);
        Object.assign(spec.process, { apparmorProfile: "brun-test-exec" });
      });
      expect(free.stdout).toBe("written\nbrun-test-exec (enforce)\n");
      const outcome = await box.sh(script, confined);
      expect(outcome.stdout).toBe("brun-test (enforce)\n");
      expect(outcome.stderr).toContain("Permission denied");
    });

    test("a profile that is not loaded is refused, and named", async () => {
      await using box = new PlacedSandbox(here);
      const outcome = await box.sh("true", (spec) => {
        Object.assign(spec.process, { apparmorProfile: "brun-test-none" });
      });
      expect(outcome.code).not.toBe(0);
      expect(outcome.stderr).toContain("brun-test-none");
      expect(outcome.stderr).toContain("process.apparmorProfile");
    });

    describe("around brun, a user's container says why there is none, and doctor says the same", () => {
      const user = {
        runtime: "brun",
        caller: testUser(),
        label: "brun as user",
        unavailable: undefined,
      } as const;
      const CASES = [
        ["unprivileged_userns", "in a user namespace of a program without an AppArmor profile"],
        ["brun-test-outer", "the AppArmor profile brun-test-outer confines brun"],
      ] as const;
      const around = (profile: string) => ({ around: ["aa-exec", "-p", profile, "--"] });

      test.each(CASES)("%s: run of a bundle", async (profile, why) => {
        await using box = new Sandbox(user);
        const outcome = await box.call(["run", "--bundle", box.bundle(), box.name()], around(profile));
        expect(outcome).toMatchObject({ code: 1, stdout: "" });
        expect(outcome.stderr).toContain(`; hint: `);
        expect(outcome.stderr).toContain(why);
      });

      test.each(CASES)("%s: run --host", async (profile, why) => {
        await using box = new Sandbox(user);
        const outcome = await box.call(["run", "--host", "--", "true"], around(profile));
        expect(outcome).toMatchObject({ code: 1, stdout: "" });
        expect(outcome.stderr).toContain(why);
      });

      test.each(CASES)("%s: doctor", async (profile, why) => {
        await using box = new Sandbox(user);
        const { code, stdout } = await box.call(["doctor", "--json"], around(profile));
        expect(code).toBe(2);
        const failed = JSON.parse(stdout).filter(({ state }: { state: string }) => state === "fail");
        expect(JSON.stringify(failed)).toContain(why);
      });
    });
  });
}
