/** Id-mapped mounts: idmap, ridmap, uidMappings and gidMappings of a mount. */
import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { ownedDir } from "../support/caller.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import { mapManyIds } from "../support/spec.ts";

for (const subject of subjects(["brun"])) {
  const { caller } = subject;
  const root = caller.name === "root";
  const forRoot = root ? test : () => undefined;

  describe(subject.label, () => {
    /** A directory with a file "old" of these ids. */
    function filled(box: Sandbox, uid: number, gid: number): string {
      const directory = ownedDir(caller, `${box.dir}/data`);
      writeFileSync(`${directory}/old`, "");
      chownSync(`${directory}/old`, uid, gid);
      return directory;
    }

    const mappings = [{ containerID: 0, hostID: 5000, size: 10 }];

    forRoot("a mount's own mappings, without a user namespace: both ways", async () => {
      await using box = new Sandbox(subject);
      const source = filled(box, 3, 4);
      const script = "stat -c %u:%g /mnt/old; touch /mnt/new; chown 5001:5002 /mnt/new";
      const { stdout, stderr } = await box.sh(script, (spec) => {
        spec.process.capabilities!.effective!.push("CAP_CHOWN");
        spec.process.capabilities!.permitted!.push("CAP_CHOWN");
        spec.process.capabilities!.bounding!.push("CAP_CHOWN");
        const mount = { destination: "/mnt", type: "bind", source, options: ["bind"] };
        spec.mounts.push(Object.assign(mount, { uidMappings: mappings, gidMappings: mappings }));
      });
      // Creating as root, which the mount's mapping does not have, fails: ids have to be mapped back.
      expect(stderr).toContain("touch");
      expect(stdout).toBe("5003:5004\n");
    });

    forRoot("a source below the root is what the mounts before it have put there", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        const entry = { destination: "/mnt", type: "bind", source: "rootfs/made", options: ["bind"] };
        spec.mounts.push(
          { destination: "/made", type: "tmpfs", source: "tmpfs", options: ["uid=3,gid=4,mode=755"] },
          Object.assign(entry, { uidMappings: mappings, gidMappings: mappings }),
        );
        spec.process.args = [
          "/bin/sh",
          "-c",
          "stat -c '%u:%g' /made /mnt; grep -c ' /mnt .* - tmpfs ' /proc/self/mountinfo",
        ];
      });
      mkdirSync(`${bundle}/rootfs/made`);
      const outcome = await box.call(["run", "--bundle", bundle, box.name()]);
      expect(outcome).toMatchObject({ stdout: "3:4\n5003:5004\n1\n", stderr: "" });
    });

    forRoot("idmap with the container's user namespace: files keep the host's ids inside", async () => {
      await using box = new Sandbox(subject);
      const source = filled(box, 7, 8);
      const bundle = box.bundle((spec) => {
        mapManyIds(spec, caller);
        spec.process.args = [
          "/bin/sh",
          "-c",
          "stat -c %u:%g /mnt/old; touch /mnt/new && stat -c %u /mnt/new",
        ];
        spec.mounts.push({ destination: "/mnt", type: "bind", source, options: ["rbind", "idmap"] });
      });
      Bun.spawnSync(["chown", "-hR", "100000:100000", `${bundle}/rootfs`]);
      const outcome = await box.call(["run", "--bundle", bundle, box.name()]);
      expect(outcome).toMatchObject({ stdout: "7:8\n0\n", stderr: "" });
      expect(Bun.spawnSync(["stat", "-c", "%u", `${source}/new`]).stdout.toString()).toBe("0\n");
    });

    forRoot(
      "crun's idmap=uids=…;gids=…, absolute and relative to the container's user namespace",
      async () => {
        await using box = new Sandbox(subject);
        const source = filled(box, 7, 8);
        const bundle = box.bundle((spec) => {
          mapManyIds(spec, caller);
          spec.process.args = ["/bin/sh", "-c", "stat -c %u:%g /mnt/*/old"];
          for (const [name, option] of [
            ["a", "idmap=uids=7-100003-1#0-100000-1;gids=8-100004-1"],
            ["b", "ridmap=uids=@7-5-1;gids=@8-6-1"],
          ]) {
            spec.mounts.push({
              destination: `/mnt/${name}`,
              type: "bind",
              source,
              options: ["rbind", option!],
            });
          }
        });
        Bun.spawnSync(["chown", "-hR", "100000:100000", `${bundle}/rootfs`]);
        const outcome = await box.call(["run", "--bundle", bundle, box.name()]);
        expect(outcome).toMatchObject({ stdout: "3:4\n5:6\n", stderr: "" });
      },
    );

    forRoot(
      "a bind that is not recursive leaves out the mounts below, in a user namespace, too",
      async () => {
        await using box = new Sandbox(subject);
        const bundle = box.bundle((spec) => {
          mapManyIds(spec, caller);
          spec.process.args = ["/bin/sh", "-c", "grep -c ' /mnt' /proc/mounts"];
          spec.mounts.push({ destination: "/mnt", type: "bind", source: "/dev", options: ["bind", "ro"] });
        });
        Bun.spawnSync(["chown", "-hR", "100000:100000", `${bundle}/rootfs`]);
        const outcome = await box.call(["run", "--bundle", bundle, box.name()]);
        expect(outcome).toMatchObject({ stdout: "1\n", stderr: "" });
      },
    );

    for (const hooks of [undefined, { createRuntime: [{ path: "/bin/true" }] }]) {
      const more = hooks === undefined ? "" : ", also with hooks";
      forRoot(
        `in a user namespace, too, a source below the root is what was mounted there before${more}`,
        async () => {
          await using box = new Sandbox(subject);
          const source = filled(box, 7, 8);
          const bundle = box.bundle((spec) => {
            mapManyIds(spec, caller);
            if (hooks) Object.assign(spec, { hooks });
            spec.process.args = ["/bin/stat", "-c", "%n %u:%g", "/made/old", "/one/old", "/two/old"];
            const bind = (from: string, destination: string, ...options: string[]) =>
              spec.mounts.push({ destination, type: "bind", source: from, options: ["rbind", ...options] });
            bind(source, "/made");
            bind("rootfs/made", "/one", "idmap");
            bind("rootfs/one/../made", "/two", "ridmap");
          });
          Bun.spawnSync(["chown", "-hR", "100000:100000", `${bundle}/rootfs`]);
          const outcome = await box.call(["run", "--bundle", bundle, box.name()]);
          const names = "/made/old 65534:65534\n/one/old 7:8\n/two/old 7:8\n";
          expect(outcome).toMatchObject({ stdout: names, stderr: "" });
        },
      );
    }

    forRoot("idmap with the user namespace of another container", async () => {
      await using box = new Sandbox(subject);
      const source = filled(box, 7, 8);
      const { pid } = await box.inspect(await box.detached((spec) => mapManyIds(spec, caller)));
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/stat", "-c", "%u:%g", "/mnt/old"];
        spec.linux.namespaces.push({ type: "user", path: `/proc/${pid}/ns/user` });
        spec.mounts.push({ destination: "/mnt", type: "bind", source, options: ["rbind", "idmap"] });
      });
      Bun.spawnSync(["chown", "-hR", "100000:100000", `${bundle}/rootfs`]);
      const { stdout, stderr } = await box.call(["run", "--bundle", bundle, box.name()]);
      expect([stdout, stderr]).toEqual(["7:8\n", ""]);
    });

    forRoot("ridmap maps the mounts below as well, idmap the top alone", async () => {
      await using box = new Sandbox(subject);
      const source = ownedDir(caller, `${box.dir}/data`);
      mkdirSync(`${source}/below`);
      const mount = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "uid=2,gid=2", "tmpfs", `${source}/below`]);
      expect(mount.exitCode).toBe(0);
      try {
        for (const [option, expected] of [
          ["idmap", "5000\n2\n"],
          ["ridmap", "5000\n5002\n"],
        ] as const) {
          const { stdout, stderr } = await box.sh("stat -c %u /mnt /mnt/below", (spec) => {
            const entry = { destination: "/mnt", type: "bind", source, options: ["rbind", option] };
            spec.mounts.push(Object.assign(entry, { uidMappings: mappings, gidMappings: mappings }));
          });
          expect(stderr).toBe("");
          expect(stdout).toBe(expected);
        }
      } finally {
        Bun.spawnSync(["umount", `${source}/below`]);
      }
    });

    forRoot(
      "a source below a directory of someone else's that root may pass only with capabilities",
      async () => {
        await using box = new Sandbox(subject);
        const home = ownedDir(caller, `${box.dir}/home`);
        mkdirSync(`${home}/shared`);
        writeFileSync(`${home}/shared/file`, "there\n");
        chownSync(home, 4242, 4242);
        chmodSync(home, 0o700);
        const bundle = box.bundle((spec) => {
          mapManyIds(spec, caller);
          spec.process.args = ["/bin/sh", "-c", "cat /mnt/file; grep ' /mnt ' /proc/self/mountinfo"];
          const source = `${home}/shared`;
          spec.mounts.push({ destination: "/mnt", type: "bind", source, options: ["rbind", "ro"] });
        });
        Bun.spawnSync(["chown", "-hR", "100000:100000", `${bundle}/rootfs`]);
        const { stdout, stderr } = await box.call(["run", "--bundle", bundle, box.name()]);
        expect(stderr).toBe("");
        expect(stdout).toMatch(/^there\n.* \/mnt ro,/);
        expect(stdout).not.toContain("shared:");
      },
    );

    if (!root) {
      test("idmap is refused with the reason", async () => {
        await using box = new Sandbox(subject);
        const { code, stderr } = await box.sh("true", (spec) => {
          spec.mounts.push({
            destination: "/mnt",
            type: "bind",
            source: box.dir,
            options: ["bind", "idmap"],
          });
        });
        expect(code).toBe(1);
        expect(stderr).toContain("mounts[6]: only root may map the ids of the host's file systems");
      });
    }
  });
}
