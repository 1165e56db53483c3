/**
 * `run --host` beside other users of the machine, and `run --rootfs` with an image that nobody vouches for: entries
 * swapped for symbolic links between listing and mounting, and files of the image that are none.
 */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { host, isRoot, ownedDir } from "../support/caller.ts";
import { makeRootfs } from "../support/rootfs.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import { attacker, tries } from "./support.ts";

const TRIES = tries(16, 1000);

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  describe(subject.label, () => {
    test.skipIf(!isRoot)(
      `${TRIES} runs while others swap entries beside a mount for links: their targets are not shown`,
      async () => {
        await using box = new Sandbox(subject);
        const home = ownedDir(caller, `${box.dir}/home`);
        ownedDir(caller, `${home}/.ssh`, 0o700);
        box.file("home/.ssh/key", "the key\n", 0o600);
        // Someone else's directory, as /tmp is, with something mounted in it and in a directory of it.
        const shared = `${box.dir}/shared`;
        for (const name of ["mounted", "deep/mounted"]) mkdirSync(`${shared}/${name}`, { recursive: true });
        mkdirSync(`${shared}/directory`);
        for (const name of ["file", "directory/key", "deep/key"]) writeFileSync(`${shared}/${name}`, "\n");
        symlinkSync(`${home}/.ssh/key`, `${shared}/file-link`);
        for (const name of ["directory", "deep"]) symlinkSync(`${home}/.ssh`, `${shared}/${name}-link`);
        const swappers = ["file", "directory", "deep"].map((name) =>
          Bun.spawn([attacker("swap"), shared, name, `${name}-link`], { stdin: "pipe" }),
        );
        const mounting = `for name in mounted deep/mounted; do
          until mount -t tmpfs none ${shared}/$name 2>/dev/null; do :; done; done; exec "$@"`;
        const under = ["unshare", "--mount", "sh", "-c", mounting, "sh"];
        const options = { cwd: home, env: { HOME: home }, under };
        let most = 0;
        try {
          for (let i = 0; i < TRIES; i++) {
            const script = `cat ${shared}/file* ${shared}/d*/key 2>/dev/null; ls ${shared} | wc -l`;
            const { code, stderr, stdout } = await box.call(
              ["run", "--host", "--", "sh", "-c", script],
              options,
            );
            // A directory that has got another name with its mount may have an overlay refused, which is told.
            expect({ code, stderr }).toMatchObject({ code: 0 });
            expect(stdout).not.toContain("the key");
            most = Math.max(most, Number(stdout.trim()));
          }
        } finally {
          for (const { stdin, exited } of swappers) {
            stdin.end();
            await exited;
          }
        }
        for (const { stdout } of swappers) expect(Number(await stdout.text())).toBeGreaterThan(TRIES);
        // Some are what they were when they were listed; one nobody has touched.
        expect(most).toBeGreaterThan(1);
      },
      3600000,
    );

    // Root's overlays all begin at the top.
    const asUser = caller.uid === 0 ? () => undefined : test;
    asUser("a link that one run leaves in --upper leads no overlay of the next one out", async () => {
      await using box = new Sandbox(subject);
      const outside = ownedDir(caller, `${box.dir}/outside`);
      const work = ownedDir(caller, `${box.dir}/work`);
      const upper = ownedDir(caller, `${box.dir}/upper`);
      const run = (cwd: string, script: string) =>
        box.call(["run", "--host", "--upper", upper, "--", "sh", "-c", script], {
          cwd,
          env: { HOME: work },
        });
      expect(await run(work, "echo x > x")).toMatchObject({ code: 0, stderr: "" });
      const place = host("find", upper, "-name", "x").trim().slice(0, -"/work/x".length);
      rmSync(place, { recursive: true });
      symlinkSync(outside, place);
      const next = await run(work, "echo y > y");
      expect(next.code).toBe(1);
      expect(next.stderr).toStartWith(`brun: --upper: ${place} is a symbolic link`);
      expect(readdirSync(outside)).toEqual([]);
    });

    test("an image's passwd and group that lead out, or never end, are not read", async () => {
      await using box = new Sandbox(subject);
      const root = makeRootfs(ownedDir(caller, `${box.dir}/root`), caller);
      const outside = box.file("outside", "eve:x:7:7::/:/bin/sh\n");
      for (const make of [
        (path: string) => expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0),
        (path: string) => symlinkSync("/dev/zero", path),
        (path: string) => symlinkSync(outside, path),
        (path: string) => symlinkSync(`../../../../../../../../../..${outside}`, path),
        (path: string) => {
          writeFileSync(path, "eve:x:7:7::/:/bin/sh\n");
          truncateSync(path, 3 * 2 ** 30);
        },
      ]) {
        for (const name of ["passwd", "group"]) {
          const path = `${root}/etc/${name}`;
          rmSync(path, { force: true });
          make(path);
          if ((lstatSync(path).mode & 0o170000) !== 0o120000) chmodSync(path, 0o644);
          if (isRoot) lchownSync(path, caller.uid, caller.gid);
        }
        const run = (...flags: string[]) =>
          box.call(["run", "--rootfs", root, ...flags, "--", "/bin/busybox", "echo", "ran"], {
            timeoutMs: 10000,
          });
        expect(await run()).toMatchObject({ code: 0, stdout: "ran\n" });
        expect(await run("-u", "7:8")).toMatchObject({ code: 0, stdout: "ran\n" });
        for (const user of ["eve", "7:eve"]) {
          const { code, stderr } = await run("-u", user);
          expect({ code, stderr }).toEqual({
            code: 1,
            stderr: expect.stringContaining("no regular one of at most 16 MiB"),
          });
        }
      }
      expect(existsSync(outside)).toBe(true);
    });
  });
}
