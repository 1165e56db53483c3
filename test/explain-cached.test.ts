/** `brun explain --cached`: what a cached plan depends on, and what it does at its end. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { known } from "./support/cached.ts";
import { HAS_FRONT } from "./support/front.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import type { TestSpec } from "./support/spec.ts";

const errno = { action: "SCMP_ACT_ERRNO", names: ["chmod"], errnoRet: 5 };
const CASES: readonly [string, (spec: TestSpec, box: Sandbox) => void][] = [
  [
    "one-id",
    (spec, box) => {
      const source = box.file("shared", "text");
      spec.mounts.push({ destination: "/shared", type: "bind", source, options: ["bind"] });
      spec.process.rlimits = [{ type: "RLIMIT_NOFILE", hard: 2 ** 30, soft: 1024 }];
    },
  ],
  [
    "default-ids",
    (spec) => {
      spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "user");
      delete spec.linux.uidMappings;
      delete spec.linux.gidMappings;
      spec.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [errno] };
      spec.process.oomScoreAdj = 500;
      spec.process.user.uid = 1000;
    },
  ],
];

/** BRUN_GOLDEN=write makes the golden files anew. */
const WRITES = process.env.BRUN_GOLDEN === "write";

for (const subject of subjects(["brun"]).filter(({ caller }) => caller.uid !== 0)) {
  const { uid, gid } = subject.caller;

  /** Without what differs from machine to machine. */
  const general = (text: string, box: Sandbox, bundle: string): string =>
    text
      .replaceAll(bundle, "BUNDLE")
      .replaceAll(box.dir, "BOX")
      .replace(/inode \d+, \d+ bytes/g, "inode, size")
      .replace(/\d+ bytes/g, "bytes")
      .replace(/@run\/\w+/, "@run/NN")
      .replace(/type 0x\w+, flags 0x\w+/g, "type, flags")
      .replace(/^ +(stamp|type) +\/etc\/ld.*\n/gm, "")
      .replace(/(RLIMIT_NOFILE +).*/, "$1N")
      .replace(/\/\S*\/libseccomp\.so\.2\S*/, "LIBSECCOMP")
      .replace(/\d+ becomes \d+:\d+|becomes \d+:\d+/g, "becomes N")
      .replace(new RegExp(`(get[eug]+id\\(\\) +)(${uid}|${gid})$`, "gm"), "$1ID")
      .replace(/ {2,}/g, "  ");

  describe.if(HAS_FRONT)(subject.label, () => {
    test.each(CASES)("guard and clean-up of a plan: %s", async (name, edit) => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/true"];
        spec.mounts = spec.mounts.filter(({ type }) => type !== "cgroup");
        edit(spec, box);
      });
      const file = box.file("in", "");
      const under = { under: ["sh", "-c", `exec "$@" <${file} >${file}.out`, "sh"] };
      await box.ok(["run", "--bundle", bundle, box.name()], under);
      const text = general(
        (await box.ok(["explain", "--bundle", bundle, "--cached"])).replace(
          /\nProgram enter\n[\s\S]*(?=\nProgram save)/,
          "",
        ),
        box,
        bundle,
      );
      const golden = `${import.meta.dir}/golden/cached-${name}.txt`;
      if (WRITES) writeFileSync(golden, text);
      expect(text).toBe(readFileSync(golden, "utf8"));
    });

    test("what is not as it was is told, and programs are listed", async () => {
      await using box = new Sandbox(subject);
      const bundle = await known(box, ["/bin/true"]);
      const explain = async () => await box.ok(["explain", "--bundle", bundle, "--cached"]);
      expect(await explain()).toContain("used by the next run");
      expect(await explain()).toMatch(/^ +\d+ {2}clone\(.*NEWUSER/m);
      box.file(
        `${bundle.slice(box.dir.length + 1)}/config.json`,
        `${readFileSync(`${bundle}/config.json`, "utf8")} `,
      );
      const changed = await explain();
      expect(changed).toContain("the guard does not agree");
      expect(changed).toMatch(/config\.json +\d+ bytes {2}\(not so now\)$/m);
      const json = JSON.parse(await box.ok(["explain", "--bundle", bundle, "--cached", "--json"]));
      expect(json.guard.filter(({ same }: { same: boolean }) => !same)).toHaveLength(1);
      expect(json.programs.map(({ name }: { name: string }) => name)).toEqual([
        "enter",
        "build",
        "finish",
        "make",
        "save",
        "publish",
        "cleanup",
      ]);
    });

    test("no plan", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle();
      const none = await box.call(["explain", "--bundle", bundle, "--cached"]);
      expect([none.code, none.stderr]).toEqual([
        1,
        expect.stringMatching(/no plan of .* is cached: there is no .*@run/),
      ]);
      expect(existsSync(`${box.state}/@run`)).toBe(false);
    });
  });
}
