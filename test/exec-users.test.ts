/** `exec --user` by the plans of a container: the program has the ids, groups, home and terminal that Bun gives it. */
import { describe, expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { known, SETTLED_MS } from "./support/cached.ts";
import { LOOK, left, running, same } from "./support/execs.ts";
import { call, front, HAS_FRONT } from "./support/front.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { mapManyIds, type TestSpec } from "./support/spec.ts";

const manyIds = (spec: TestSpec, { subject }: Sandbox) => {
  if (subject.caller.uid !== 0) mapManyIds(spec, subject.caller);
};

const CONTAINERS: readonly (readonly [title: string, edit: (spec: TestSpec, box: Sandbox) => void])[] = [
  ["as root", manyIds],
  [
    "as another user with groups, without HOME",
    (spec, box) => {
      manyIds(spec, box);
      spec.process.user = { uid: 1000, gid: 1001, umask: 0o27, additionalGids: [5, 6] };
      spec.process.env = ["PATH=/bin:/usr/bin"];
    },
  ],
];

const NUMBERS = ["0", "1000:7", "007:0010", "65000", "33:0"];

for (const subject of subjects(["brun"])) {
  describe.if(HAS_FRONT)(subject.label, () => {
    test.each(CONTAINERS)("numbers, in a container that runs %s", async (_title, edit) => {
      await using box = new Sandbox(subject);
      const id = await running(box, (spec) => edit(spec, box));
      for (const user of NUMBERS) {
        const seen = await same(box, [
          "exec",
          "-u",
          user,
          id,
          "/bin/sh",
          "-c",
          `${LOOK}; ls -ln /proc/self/fd/0`,
        ]);
        expect(seen).toContain(`uid=${Number(user.split(":")[0])}`);
      }
      await same(box, ["exec", id, "/bin/sh", "-c", LOOK]);
      await same(box, ["exec", "--user=33", "-e", "A=1", "-w", "/tmp", id, "/bin/sh", "-c", LOOK]);
    });

    test("the terminal and what is written to belong to the user", async () => {
      await using box = new Sandbox(subject);
      const id = await running(box, (spec) => manyIds(spec, box));
      const look = ["/bin/sh", "-c", "stat -Lc '%u %F' /proc/self/fd/0; echo >/dev/stdout"];
      for (const user of ["0", "33", "33:33"]) await same(box, ["exec", "-t", "-u", user, id, ...look]);
      const owners: number[] = [];
      for (const user of ["33", "0"]) {
        const file = box.file(`out${user}`, "");
        const under = { under: ["sh", "-c", `exec "$@" >>${file}`, "sh"] };
        expect(await call(box, ["exec", "-u", user, id, "/bin/echo"], under)).toMatchObject({
          code: 0,
          bun: false,
        });
        owners.push(statSync(file).uid);
      }
      expect(owners[0]).not.toBe(owners[1]!);
    });

    test("HOME is that of the user in the container's passwd(5), which may have changed", async () => {
      await using box = new Sandbox(subject);
      const id = await running(box, (spec) => {
        manyIds(spec, box);
        spec.process.env = ["PATH=/bin:/usr/bin"];
        const passwd = box.file("passwd", "u:x:33:33::/first:/bin/sh\n");
        spec.mounts.push({ destination: "/etc/passwd", type: "bind", source: passwd, options: ["bind"] });
      });
      const home = async (user: string) =>
        (await front(box, ["exec", "-u", user, id, "/bin/sh", "-c", "echo $HOME"])).stdout.trim();
      expect([await home("33"), await home("34")]).toEqual(["/first", "/"]);
      writeFileSync(`${box.dir}/passwd`, "u:x:33:33::/other:/bin/sh\n");
      expect(await home("33")).toBe("/other");
    });

    if (subject.caller.uid !== 0) {
      test("one id: others are told as Bun does", async () => {
        await using box = new Sandbox(subject);
        const id = await running(box);
        await same(box, ["exec", "-u", "0:0", id, "/bin/sh", "-c", LOOK]);
        expect(await left(box, ["exec", "-u", "1", id, "/bin/true"])).toContain("--user");
      });

      test("a container that a cached plan has made", async () => {
        await using box = new Sandbox(subject);
        const bundle = await known(box, ["/bin/true"], (spec) => manyIds(spec, box));
        const edited = JSON.parse(readFileSync(`${bundle}/config.json`, "utf8"));
        edited.process.args = ["/bin/sleep", "1000"];
        writeFileSync(`${bundle}/config.json`, JSON.stringify(edited));
        await Bun.sleep(SETTLED_MS);
        await box.ok(["run", "--detach", "--bundle", bundle, box.name()]);
        const id = box.name();
        await front(box, ["run", "--detach", "--bundle", bundle, id]);
        for (const user of ["33", "33:7", "0"])
          await same(box, ["exec", "-u", user, id, "/bin/sh", "-c", LOOK]);
      });
    }

    test("names, and what is no user, are left to Bun", async () => {
      await using box = new Sandbox(subject);
      const id = await running(box, (spec) => manyIds(spec, box));
      for (const user of ["nobody-here", "4294967295", "12345678901", "1:", "1:x", ""])
        await left(box, ["exec", `--user=${user}`, id, "/bin/true"]);
      expect(await call(box, ["exec", "-u", "root", id, "/bin/true"])).toMatchObject({ bun: true, code: 0 });
    });
  });
}
