/**
 * Mount points swapped for symbolic links while containers are made, by someone who can write to a volume or to
 * the root file system (CVE-2021-30465, CVE-2024-45310, CVE-2026-133553).
 */
import { describe, expect, test } from "bun:test";
import {
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { isRoot, ownedDir } from "../support/caller.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import { attacker, tries } from "./support.ts";

const TRIES = tries(24, 10000);
/** How many containers are made at the same time. */
const AT_ONCE = 4;

for (const subject of subjects()) {
  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    test("what is renamed elsewhere on the machine keeps no path with .. from being followed", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/cat", "/etc/group"];
        spec.linux.maskedPaths = ["/link"];
      });
      symlinkSync(`${"etc/../".repeat(3)}etc/group`, `${bundle}/rootfs/link`);
      const elsewhere = ownedDir(subject.caller, `${box.dir}/elsewhere`);
      for (const name of ["swap", "other"]) ownedDir(subject.caller, `${elsewhere}/${name}`);
      const swapper = Bun.spawn([attacker("swap"), elsewhere, "swap", "other"], { stdin: "pipe" });
      try {
        for (let i = 0; i < 10; i++) {
          const { code, stderr, stdout } = await box.call(["run", "--bundle", bundle, box.name()]);
          expect({ code, stderr, stdout }).toEqual({ code: 0, stderr: "", stdout: "" });
        }
      } finally {
        swapper.stdin.end();
        await swapper.exited;
      }
      expect(Number(await swapper.stdout.text())).toBeGreaterThan(1000);
    });

    for (const where of ["a volume", "the root file system"]) {
      test(`${TRIES} containers while mount points in ${where} are swapped: nothing is outside`, async () => {
        await using box = new Sandbox(subject);
        const { caller } = subject;
        const volume = ownedDir(caller, `${box.dir}/volume`);
        const outside = ownedDir(caller, `${box.dir}/outside`);
        mkdirSync(`${outside}/sub`);
        if (isRoot) chownSync(`${outside}/sub`, caller.uid, caller.gid);
        const inVolume = where === "a volume";
        const base = inVolume ? "/volume" : "";
        const bundle = box.bundle((spec) => {
          spec.process.args = ["/bin/sh", "-c", "cut -d' ' -f5 /proc/self/mountinfo"];
          if (inVolume) {
            spec.mounts.push({
              destination: "/volume",
              type: "bind",
              source: volume,
              options: ["rbind", "rw"],
            });
          }
          spec.mounts.push(
            { destination: `${base}/swap/sub`, type: "tmpfs", source: "tmpfs", options: ["mode=700"] },
            { destination: `${base}/swap/new/dir`, type: "tmpfs", source: "tmpfs", options: [] },
            { destination: `${base}/swap/file`, type: "bind", source: "/etc/hostname", options: ["bind"] },
          );
          spec.linux.maskedPaths?.push(`${base}/swap/masked`);
          spec.linux.readonlyPaths?.push(`${base}/swap/readonly`);
        });
        const attacked = inVolume ? volume : `${bundle}/rootfs`;
        ownedDir(caller, `${attacked}/swap`);
        symlinkSync(outside, `${attacked}/other`);
        if (isRoot) lchownSync(`${attacked}/other`, caller.uid, caller.gid);
        const swapper = Bun.spawn([attacker("swap"), attacked, "swap", "other"], { stdin: "pipe" });
        let [succeeded, done] = [0, 0];
        try {
          while (done < TRIES) {
            const some = Array.from({ length: Math.min(AT_ONCE, TRIES - done) }, () => box.name());
            const outcomes = await Promise.all(some.map((id) => box.call(["run", "--bundle", bundle, id])));
            done += some.length;
            for (const { code, stdout } of outcomes) {
              if (code !== 0) continue;
              succeeded += 1;
              // Where the link leads to inside of the root, or in the directory: a mount outside would be missing.
              expect(stdout.match(/\/(sub|new\/dir|file)$/gm)).toHaveLength(3);
            }
            expect(readdirSync(outside)).toEqual(["sub"]);
            expect(readdirSync(`${outside}/sub`)).toEqual([]);
            expect(lstatSync(`${outside}/sub`).mode & 0o777).toBe(0o755);
          }
        } finally {
          swapper.stdin.end();
          await swapper.exited;
        }
        expect(Number(await swapper.stdout.text())).toBeGreaterThan(done);
        // Both names were met: some mount points could not be made, some could.
        expect(succeeded).toBeGreaterThan(0);
        expect(existsSync(`${outside}/new`)).toBe(false);
      }, 3600000);
    }

    test(`${TRIES} containers with tmpcopyup while its mount point is swapped: nothing is copied elsewhere`, async () => {
      await using box = new Sandbox(subject);
      const { caller } = subject;
      const volume = ownedDir(caller, `${box.dir}/volume`);
      // Another volume of the container, to which a link leads inside of it.
      const target = ownedDir(caller, `${box.dir}/target`);
      for (const directory of [`${volume}/swap`, `${volume}/swap/sub`, `${target}/sub`])
        ownedDir(caller, directory);
      writeFileSync(`${volume}/swap/sub/copied`, "x");
      symlinkSync("/target", `${volume}/other`);
      if (isRoot) lchownSync(`${volume}/other`, caller.uid, caller.gid);
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/true"];
        for (const [destination, source] of [["/volume", volume] as const, ["/target", target] as const])
          spec.mounts.push({ destination, type: "bind", source, options: ["rbind", "rw"] });
        spec.mounts.push({
          destination: "/volume/swap/sub",
          type: "tmpfs",
          source: "tmpfs",
          options: ["tmpcopyup", "mode=700"],
        });
      });
      const swapper = Bun.spawn([attacker("swap"), volume, "swap", "other"], { stdin: "pipe" });
      let succeeded = 0;
      try {
        for (let done = 0; done < TRIES; done += AT_ONCE) {
          const runs = Array.from({ length: AT_ONCE }, () =>
            box.call(["run", "--bundle", bundle, box.name()]),
          );
          for (const { code } of await Promise.all(runs)) if (code === 0) succeeded += 1;
          expect(readdirSync(`${target}/sub`)).toEqual([]);
        }
      } finally {
        swapper.stdin.end();
        await swapper.exited;
      }
      expect(succeeded).toBeGreaterThan(0);
    }, 3600000);

    test(`${TRIES} containers while the mount point of a file system is swapped: its attributes are its own`, async () => {
      await using box = new Sandbox(subject);
      const { caller } = subject;
      const volume = ownedDir(caller, `${box.dir}/volume`);
      const target = ownedDir(caller, `${box.dir}/target`);
      for (const directory of [`${volume}/swap`, `${volume}/swap/sub`, `${target}/sub`])
        ownedDir(caller, directory);
      symlinkSync("/target", `${volume}/other`);
      if (isRoot) lchownSync(`${volume}/other`, caller.uid, caller.gid);
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/cat", "/proc/self/mountinfo"];
        // Mounts of their own, which a path that is looked up again may lead to.
        for (const [destination, source] of [
          ["/volume", volume] as const,
          ["/target", target] as const,
          ["/target/sub", `${target}/sub`] as const,
        ])
          spec.mounts.push({ destination, type: "bind", source, options: ["rbind", "rw"] });
        spec.mounts.push({
          destination: "/volume/swap/sub",
          type: "tmpfs",
          source: "swapped",
          options: ["ro", "rnoexec", "mode=755"],
        });
      });
      const swapper = Bun.spawn([attacker("swap"), volume, "swap", "other"], { stdin: "pipe" });
      let succeeded = 0;
      try {
        for (let done = 0; done < TRIES; done += AT_ONCE) {
          const runs = Array.from({ length: AT_ONCE }, () =>
            box.call(["run", "--bundle", bundle, box.name()]),
          );
          for (const { code, stdout } of await Promise.all(runs)) {
            if (code !== 0) continue;
            succeeded += 1;
            const lines = stdout.split("\n");
            const options = (line: string | undefined) => line?.split(" ")[5]?.split(",") ?? [];
            const [swapped] = lines.filter((line) => line.includes(" - tmpfs swapped "));
            expect(options(swapped)).toContain("ro");
            expect(options(swapped)).toContain("noexec");
            const other = lines.find((line) => line.includes(" /target/sub ") && line !== swapped);
            expect(options(other)).toContain("rw");
            expect(options(other)).not.toContain("noexec");
          }
        }
      } finally {
        swapper.stdin.end();
        await swapper.exited;
      }
      expect(succeeded).toBeGreaterThan(0);
    }, 3600000);
  });
}
