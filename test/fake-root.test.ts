/** `--fake-root`: root of one id alone is told that what takes more ids is done. */
import { describe, expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { installed, ownedDir } from "./support/caller.ts";
import { makeRootfs } from "./support/rootfs.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";

/** What an installer does as root, and what it looks at afterwards. */
const SCRIPT = `
id -u; cat /proc/self/uid_map | tr -s ' '
chown daemon:staff /etc && chgrp -R staff /var && chown -h alice /bin/sh && echo owners $(stat -c %u:%g /etc)
mknod /tmp/null c 1 3 && mknod /tmp/disk b 8 0 && mknod /tmp/fifo p && echo nodes $(ls /tmp)
su daemon -s /bin/sh -c 'echo su $(id -u)'
mkdir /tmp/t && cd /tmp/t && tar xf /archive.tar && echo tar $(ls)
unshare -m true || echo no namespaces
`;

const DONE = ["owners 0:0", "nodes fifo", "su 0", "tar file pipe", "no namespaces"];

/** An archive of other people's files, and of a device. */
function archive(file: string): void {
  const script =
    'cd $(mktemp -d) && touch file && mkfifo pipe && tar cf "$1" --owner=daemon:1 --group=staff:50 file pipe; rm -rf "$PWD"';
  const made = Bun.spawnSync(["sh", "-c", script, "sh", file]);
  if (!made.success) throw new Error(made.stderr.toString());
}

/** A package with files of other owners. */
const RPM_SPEC = `Name: tiny
Version: 1
Release: 1
Summary: tiny
License: MIT
%description
tiny
%install
mkdir -p %{buildroot}/usr/bin
echo '#!/bin/sh' >%{buildroot}/usr/bin/tiny
%files
%attr(4755,games,mail) /usr/bin/tiny
`;

for (const subject of subjects(["brun"])) {
  const { caller } = subject;
  const root = (box: Sandbox) => {
    const dir = makeRootfs(ownedDir(caller, `${box.dir}/root`), caller);
    archive(`${dir}/archive.tar`);
    return dir;
  };

  if (caller.uid === 0) {
    test(`${subject.label}: --fake-root is refused to who has all ids`, async () => {
      await using box = new Sandbox(subject);
      const { code, stderr } = await box.call(["run", "--rootfs", root(box), "--fake-root", "--", "true"]);
      expect([code, stderr]).toEqual([
        1,
        "brun: --fake-root: root has all ids: chown and the like are really done, without --fake-root; hint: leave it out\n",
      ]);
    });
    continue;
  }

  describe(subject.label, () => {
    test("--fake-root: chown, mknod, su and tar are done, with each filter", async () => {
      await using box = new Sandbox(subject);
      const dir = root(box);
      const profile = `${box.dir}/profile.json`;
      writeFileSync(
        profile,
        JSON.stringify({
          defaultAction: "SCMP_ACT_ALLOW",
          syscalls: [
            { names: ["unshare", "chown", "fchownat"], action: "SCMP_ACT_ERRNO", errnoRet: 1 },
            { names: ["mknod", "mknodat"], action: "SCMP_ACT_LOG" },
          ],
        }),
      );
      const map = `0 ${caller.uid} 1`;
      for (const filter of [[], ["seccomp=unconfined"], [`seccomp=${profile}`]]) {
        const flags = filter.flatMap((option) => ["--security-opt", option]);
        const run = ["run", "--rootfs", dir, "--fake-root", ...flags, "--", "sh", "-c", SCRIPT];
        const { code, stdout } = await box.call(run);
        expect({
          code,
          lines: stdout
            .trim()
            .split("\n")
            .map((line) => line.trim()),
        }).toEqual({
          code: 0,
          lines: ["0", map, ...DONE],
        });
      }
    });

    test.if(installed("rpm") && installed("rpmbuild"))(
      "--fake-root: rpm installs files of other owners",
      async () => {
        await using box = new Sandbox(subject);
        const dir = ownedDir(caller, `${box.dir}/rpm`);
        box.file("rpm/tiny.spec", RPM_SPEC);
        const script = `mkdir -p root/etc && cp /etc/passwd /etc/group root/etc
        rpmbuild --quiet -bb --define "_topdir $PWD/top" --define "_rpmdir $PWD" tiny.spec
        rpm --root $PWD/root --initdb && rpm --root $PWD/root -i --nodeps */*.rpm && stat -c %A root/usr/bin/tiny`;
        const run = (...flags: string[]) =>
          box.call(["run", "--host", ...flags, "--", "sh", "-ec", script], { cwd: dir, env: { HOME: dir } });
        const plain = await run("--user", "root", "--userns", "single");
        expect(plain.stderr).toContain("chown failed");
        expect(await run("--fake-root")).toMatchObject({ code: 0, stdout: "-rwsr-xr-x\n" });
      },
    );

    test("--fake-root: what exec starts, and --host; without the flag it fails", async () => {
      await using box = new Sandbox(subject);
      const dir = root(box);
      const id = box.name();
      await box.ok(["run", "--rootfs", dir, "--fake-root", "-d", id, "--", "sleep", "100"]);
      expect(await box.ok(["exec", id, "sh", "-c", "chown daemon /etc && echo done"])).toBe("done\n");
      await box.ok(["delete", "--force", id]);
      const host = ["run", "--host", "--", "sh", "-c"];
      host.splice(2, 0, "--fake-root");
      const script = "id -u; touch x && chown daemon x && echo done";
      expect(await box.ok([...host, script], { cwd: box.dir })).toBe("0\ndone\n");
      const single = ["run", "--rootfs", dir, "--userns", "single", "--", "chown", "daemon", "/etc"];
      expect((await box.call(single)).code).toBe(1);
      // Nothing of it is in the directory itself, which was not written to.
      expect(readdirSync(`${dir}/dev`)).toEqual([]);
    });

    test("--fake-root: what contradicts it is refused", async () => {
      await using box = new Sandbox(subject);
      const dir = root(box);
      for (const [flags, message] of [
        [["--user", "alice"], "--fake-root is for a program of root, and not for --user alice"],
        [["--userns", "keep-id"], "--userns keep-id gives it more"],
        [["--userns", "range"], "--userns range gives it more"],
        [["--group-add", "staff"], "and no further groups"],
      ] as const) {
        const { code, stderr } = await box.call([
          "run",
          "--rootfs",
          dir,
          "--fake-root",
          ...flags,
          "--",
          "true",
        ]);
        expect([code, stderr.split("\n").length]).toEqual([1, 2]);
        expect(stderr).toContain(message);
      }
      for (const flags of [
        ["-u", "root"],
        ["-u", "0:0"],
        ["--userns", "single"],
      ]) {
        await box.ok(["run", "--rootfs", dir, "--fake-root", ...flags, "--", "true"]);
      }
    });
  });
}
