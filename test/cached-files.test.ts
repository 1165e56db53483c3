/** The files of cached plans: forms of `run` that are used in turn keep their plans, and there are never too many. */
import { describe, expect, test } from "bun:test";
import { existsSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { cachedPlans, known } from "./support/cached.ts";
import { call, front, HAS_FRONT } from "./support/front.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";

/** CACHED_MAX of src/plan/file-abi.ts. */
const MAX = 64;

/** FNV-1a modulo 64: plans with the same number once took each other's place. */
function slotOf(text: string): number {
  return Buffer.from(text).reduce((hash, byte) => Math.imul(hash ^ byte, 0x1000193) >>> 0, 2166136261) % 64;
}

for (const subject of subjects(["brun"]).filter(({ caller }) => caller.uid !== 0)) {
  describe.if(HAS_FRONT)(subject.label, () => {
    test("two bundles with the same last bits of the hash are both cached when they are run in turn", async () => {
      await using box = new Sandbox(subject);
      const one = await known(box, ["/bin/echo", "hello"]);
      let number = 0;
      while (slotOf(`${box.dir}/link${number}`) !== slotOf(one)) number++;
      const other = `${box.dir}/link${number}`;
      symlinkSync(one, other);
      expect(await call(box, ["run", "--bundle", other, box.name()])).toMatchObject({ bun: true, code: 0 });
      for (const bundle of [one, other, one, other])
        expect(await front(box, ["run", "--bundle", bundle, box.name()])).toMatchObject({
          stdout: "hello\n",
        });
    });

    test("each flag that is a part of the key has a plan of its own", async () => {
      await using box = new Sandbox(subject);
      const bundle = await known(box, ["/bin/true"]);
      const flags = [[], ["--no-new-keyring"]];
      for (const more of flags) await box.ok(["run", ...more, "--bundle", bundle, box.name()]);
      for (const more of [...flags, ...flags])
        await front(box, ["run", ...more, "--bundle", bundle, box.name()]);
      for (const more of flags)
        expect(await box.ok(["explain", "--cached", ...more, "--bundle", bundle])).toContain(
          "used by the next",
        );
    });

    test(`of more than ${MAX} the oldest are removed`, async () => {
      await using box = new Sandbox(subject);
      const bundle = await known(box, ["/bin/true"]);
      const [plan] = cachedPlans(box) as [string];
      await box.ok(["list"]);
      const others = Array.from({ length: MAX + 3 }, (_, i) => plan.replace(/\w+$/, `junk${i}`));
      for (const path of others) writeFileSync(path, "");
      // The times are told in seconds.
      await Bun.sleep(1_100);
      utimesSync(others[5]!, new Date(), new Date());
      writeFileSync(others[7]!, "new");
      await box.ok(["run", "--rootfs", `${bundle}/rootfs`, "--", "/bin/true"]);
      const left = cachedPlans(box).filter((path) => !path.endsWith("/list"));
      expect(left).toHaveLength(MAX);
      expect(left.filter((path) => others.includes(path)).length).toBeGreaterThanOrEqual(MAX - 2);
      expect(left).toContain(others[5]!);
      expect(left).toContain(others[7]!);
      expect(existsSync(plan.replace(/\w+$/, "list"))).toBe(true);
      await front(box, ["run", "--rootfs", `${bundle}/rootfs`, "--", "/bin/true"]);
    });
  });
}
