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
/** With three programs that swap, a run takes half a second of each processor. */
const CROWDED_TRIES = tries(6, 1000);
/** The files named x; work directories of overlays below may be read by root alone. */
const FIND = 'find "$1" -name x 2>/dev/null || :';

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  describe(subject.label, () => {
    test.skipIf(!isRoot)(
      `${CROWDED_TRIES} runs while others swap entries beside a mount for links: their targets are not shown`,
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
          for (let i = 0; i < CROWDED_TRIES; i++) {
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
        for (const { stdout } of swappers) expect(Number(await stdout.text())).toBeGreaterThan(CROWDED_TRIES);
        // Some are what they were when they were listed; one nobody has touched.
        expect(most).toBeGreaterThan(1);
      },
      3600000,
    );

    // What is seen when brun looks at a path is what is mounted, or nothing is: brun's own state is not mounted, and
    // what the caller named is not another directory of the caller's.
    for (const [flag, wanted] of Object.entries({
      "--rw": (path: string) => ["--host", "--rw", path, "--", "ls", path],
      "-v": (path: string) => ["--host", "-v", `${path}:/srv`, "--", "ls", "/srv"],
      "-v …:O": (path: string) => ["--host", "-v", `${path}:/srv:O`, "--", "ls", "/srv"],
      "--mount": (path: string) => ["--host", "--mount", `src=${path},dst=/srv,ro`, "--", "ls", "/srv"],
    })) {
      test(`${TRIES} runs with ${flag} while a directory on the way is swapped for a link`, async () => {
        await using box = new Sandbox(subject);
        const shared = ownedDir(caller, `${box.dir}/shared`);
        ownedDir(caller, `${shared}/middle`);
        ownedDir(caller, `${shared}/middle/state`);
        box.file("shared/middle/state/plain", "");
        ownedDir(caller, box.state, 0o700);
        box.file("state/marker", "");
        symlinkSync(box.dir, `${shared}/link`);
        if (isRoot) lchownSync(`${shared}/link`, caller.uid, caller.gid);
        const swapper = Bun.spawn([attacker("swap"), shared, "middle", "link"], { stdin: "pipe" });
        let seen = 0;
        try {
          for (let i = 0; i < TRIES || (seen === 0 && i < 20 * TRIES); i++) {
            const { code, stderr, stdout } = await box.call(["run", ...wanted(`${shared}/middle/state`)]);
            expect(stdout).not.toContain("marker");
            if (code === 0) expect(stdout).toBe("plain\n");
            else
              expect(stderr).toMatch(
                /^brun: (--rw|-v|--mount)( .*(: .* (is|leads over) .*symbolic link|symbolic link has been put|state of its|no path here)|: cannot open .* symbolic links)/,
              );
            if (code === 0) seen += 1;
          }
        } finally {
          swapper.stdin.end();
          await swapper.exited;
        }
        expect(Number(await swapper.stdout.text())).toBeGreaterThan(TRIES);
        expect(seen).toBeGreaterThan(0);
      }, 3600000);
    }

    test(`${TRIES} runs with --rootfs while a directory on the way is swapped for a link`, async () => {
      await using box = new Sandbox(subject);
      const shared = ownedDir(caller, `${box.dir}/shared`);
      ownedDir(caller, `${shared}/middle`);
      for (const above of [box.dir, `${shared}/middle`])
        makeRootfs(ownedDir(caller, `${above}/root`), caller);
      const state = ownedDir(caller, `${box.dir}/root/state`, 0o700);
      box.file("root/state/marker", "");
      symlinkSync(box.dir, `${shared}/link`);
      if (isRoot) lchownSync(`${shared}/link`, caller.uid, caller.gid);
      const swapper = Bun.spawn([attacker("swap"), shared, "middle", "link"], { stdin: "pipe" });
      const met = { covered: 0, other: 0 };
      try {
        for (let i = 0; i < TRIES || (met.other === 0 && i < 20 * TRIES); i++) {
          const script = "ls -d /state /state/marker 2>/dev/null; :";
          const { code, stdout } = await box.call(
            ["run", "--rootfs", `${shared}/middle/root`, "--", "/bin/busybox", "sh", "-c", script],
            { globals: ["--root", state] },
          );
          expect(stdout).not.toContain("marker");
          if (code === 0) met[stdout === "" ? "other" : "covered"] += 1;
        }
      } finally {
        swapper.stdin.end();
        await swapper.exited;
      }
      expect(Number(await swapper.stdout.text())).toBeGreaterThan(TRIES);
      expect(met.other).toBeGreaterThan(0);
    }, 3600000);

    // Root's overlays all begin at the top.
    const asUser = caller.uid === 0 ? () => undefined : test;
    asUser("a link that one run leaves in --upper leads no overlay of the next one out", async () => {
      await using box = new Sandbox(subject);
      const outside = ownedDir(caller, `${box.dir}/outside`);
      const project = ownedDir(caller, `${box.dir}/project`);
      const upper = ownedDir(caller, `${box.dir}/upper`);
      const run = (cwd: string, script: string) =>
        box.call(["run", "--host", "--upper", upper, "--", "sh", "-c", script], {
          cwd,
          env: { HOME: project },
        });
      expect(await run(project, "echo x > x")).toMatchObject({ code: 0, stderr: "" });
      const place = host("sh", "-c", FIND, "sh", upper).trim().slice(0, -"/project/x".length);
      rmSync(place, { recursive: true });
      symlinkSync(outside, place);
      const next = await run(project, "echo y > y");
      expect(next.code).toBe(1);
      // Started by the user, the directory above is the user's too: the overlay begins there, and the link is in it.
      if (isRoot) expect(next.stderr).toStartWith(`brun: --upper: ${place} is a symbolic link`);
      else expect(next.stderr).toMatch(/^brun: .*symbolic link/);
      expect(readdirSync(outside)).toEqual([]);
    });

    asUser(
      `${TRIES} runs with --upper while a directory in it is swapped for a link`,
      async () => {
        await using box = new Sandbox(subject);
        const outside = ownedDir(caller, `${box.dir}/outside`);
        const work = ownedDir(caller, `${box.dir}/work`);
        const upper = ownedDir(caller, `${box.dir}/upper`);
        const run = (script: string) =>
          box.call(["run", "--host", "--upper", upper, "--", "sh", "-c", script], {
            cwd: work,
            env: { HOME: work },
          });
        expect(await run("echo x > x")).toMatchObject({ code: 0, stderr: "" });
        const place = host("sh", "-c", FIND, "sh", upper).trim().slice(0, -"/x".length);
        const above = place.slice(0, place.lastIndexOf("/"));
        symlinkSync(outside, `${above}/link`);
        if (isRoot) lchownSync(`${above}/link`, caller.uid, caller.gid);
        const swapper = Bun.spawn([attacker("swap"), above, "work", "link"], { stdin: "pipe" });
        let done = 0;
        try {
          for (let i = 0; i < TRIES || (done === 0 && i < 20 * TRIES); i++) {
            const { code, stderr } = await run("echo y > y");
            if (code === 0) done += 1;
            else expect(stderr).toContain("symbolic link");
            expect(readdirSync(outside)).toEqual([]);
          }
        } finally {
          swapper.stdin.end();
          await swapper.exited;
        }
        expect(done).toBeGreaterThan(0);
      },
      3600000,
    );

    test("a volume that a link of /proc leads to in another mount namespace is refused", async () => {
      await using box = new Sandbox(subject);
      const other = Bun.spawn(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", "mount -t tmpfs none /etc && echo && exec cat"],
        { stdin: "pipe" },
      );
      try {
        await other.stdout.getReader().read();
        const path = `/proc/${other.pid}/root/etc`;
        for (const flag of [`${path}:/srv`, `${path}:/srv:O`]) {
          const { code, stderr, stdout } = await box.call(["run", "--host", "-v", flag, "--", "ls", "/srv"]);
          expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
          expect(stderr).toMatch(/^brun: -v .* (leads to what has no path here|does not exist)/);
        }
      } finally {
        other.stdin.end();
        await other.exited;
      }
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
