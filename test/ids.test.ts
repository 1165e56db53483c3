/** User namespaces: one id, 65,536 ids, specs written for root, and what goes wrong. */
import { describe, expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { isRoot, subordinateRange } from "./support/caller.ts";
import { type Subject, subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import {
  baseSpec,
  capabilitySets,
  DOCKER_CAPABILITIES,
  type IdMap,
  mapManyIds,
  type TestSpec,
} from "./support/spec.ts";
import { brunPath } from "./support/workspace.ts";

/** Lines of an id map as [inside, outside, count]. */
function idMap(text: string): number[][] {
  return text
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
}

/** Everything that an image needs which was made for Docker. */
function manyIds(subject: Subject): (spec: TestSpec) => void {
  return (spec) => {
    mapManyIds(spec, subject.caller);
    spec.process.capabilities = capabilitySets(DOCKER_CAPABILITIES);
    spec.process.noNewPrivileges = false;
  };
}

/** The container's root is none of the caller's own ids. */
function otherRoot({ caller }: Subject): (spec: TestSpec) => void {
  return (spec) => {
    mapManyIds(spec, caller);
    if (caller.uid === 0) return;
    const map = (file: "/etc/subuid" | "/etc/subgid"): IdMap[] => {
      const [hostID, size] = subordinateRange(caller, file);
      return [{ containerID: 0, hostID, size }];
    };
    spec.linux.uidMappings = map("/etc/subuid");
    spec.linux.gidMappings = map("/etc/subgid");
  };
}

for (const subject of subjects()) {
  const rootless = subject.caller.name === "user";
  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    if (rootless) {
      test("one id: the caller is root inside and no other id exists", async () => {
        await using box = new Sandbox(subject);
        const { stdout } = await box.sh(
          "id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups",
        );
        const lines = stdout.trim().split("\n");
        expect(lines.slice(0, 2)).toEqual(["0", "0"]);
        expect(idMap(lines.slice(2, 4).join("\n"))).toEqual([
          [0, subject.caller.uid, 1],
          [0, subject.caller.gid, 1],
        ]);
        expect(lines[4]).toBe("deny");
      });
    }

    if (rootless && subject.runtime === "brun") {
      test("root of a user namespace: what it does not map is left out of mount options", async () => {
        await using box = new Sandbox(subject);
        const bundle = box.bundle((spec) => {
          spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "user");
          delete spec.linux.uidMappings;
          delete spec.linux.gidMappings;
          spec.mounts.find(({ type }) => type === "devpts")!.options!.push("gid=5");
          spec.process.args = ["/bin/sh", "-c", "grep -c devpts /proc/mounts; cat /proc/self/uid_map"];
        });
        const run = [brunPath(), "--root", box.state, "run", "--bundle", bundle, box.name()];
        const argv = [...subject.caller.prefix, "unshare", "--user", "--map-root-user", ...run];
        const child = Bun.spawnSync(argv, { stderr: "pipe" });
        const stdout = child.stdout.toString();
        expect(child.stderr.toString()).toBe("");
        expect(stdout.split("\n")[0]).toBe("1");
        expect(idMap(stdout.slice(2))).toEqual([[0, subject.caller.uid, 1]]);
      });
    }

    test("what is mounted in /dev belongs to the container's root", async () => {
      await using box = new Sandbox(subject);
      const edits = [() => undefined, manyIds(subject)];
      if (subject.runtime === "brun") edits.push(otherRoot(subject));
      for (const edit of edits) {
        const { stdout } = await box.sh("stat -c '%u:%g %n' /dev /dev/pts /dev/shm /dev/mqueue", edit);
        // runc makes the ipc namespace before it changes its group.
        if (subject.runtime !== "runc")
          expect(stdout).toBe("0:0 /dev\n0:0 /dev/pts\n0:0 /dev/shm\n0:0 /dev/mqueue\n");
      }
    });

    test("65,536 ids: the map is whole and every id can be used", async () => {
      await using box = new Sandbox(subject);
      const script = [
        "cat /proc/self/uid_map",
        "touch /f; for id in 1 1000 65535; do chown $id:$id /f && stat -c %u:%g /f; done",
        "su alice -c 'id -u; id -g; id -G; touch /tmp/alice'",
        "stat -c %U /tmp/alice",
      ].join("; ");
      const { stdout, stderr } = await box.sh(`chmod 1777 /tmp; ${script}`, manyIds(subject));
      expect(stderr).toBe("");
      const ids = stdout.slice(stdout.indexOf("1:1\n"));
      expect(ids).toBe("1:1\n1000:1000\n65535:65535\n1000\n1000\n1000 50\nalice\n");
      const sizes = idMap(stdout.slice(0, stdout.indexOf("1:1\n"))).map(([, , size]) => size!);
      expect(sizes.reduce((a, b) => a + b)).toBe(65536);
    });

    test("65,536 ids: a setuid binary gives its owner's id", async () => {
      await using box = new Sandbox(subject);
      const script =
        "cp /bin/busybox /bin/setid; chmod 4755 /bin/setid; ln -s setid /bin/whose; su alice -c '/bin/setid id -u'";
      const { stdout } = await box.sh(`${script}; su alice -c '/bin/busybox id -u'`, manyIds(subject));
      // busybox's id prints the effective uid; busybox drops a setuid bit that it does not need, as it does here.
      expect(stdout.trim().split("\n").at(-1)).toBe("1000");
      const probe =
        "cp /bin/busybox /tmp/cat; chown 0:0 /tmp/cat; chmod 4755 /tmp/cat; su alice -c 'grep ^Uid: /proc/self/status'";
      expect((await box.sh(probe, manyIds(subject))).stdout).toMatch(/^Uid:\t1000\t1000\t1000\t1000$/m);
    });

    test("a process of another user with additional groups", async () => {
      await using box = new Sandbox(subject);
      const { stdout, stderr } = await box.sh(
        "id -u; id -g; id -G; touch /tmp/x; stat -c %u:%g /tmp/x",
        (spec) => {
          manyIds(subject)(spec);
          spec.process.user = { uid: 1000, gid: 1000, additionalGids: [5, 50, 60000] };
          spec.mounts.push({ destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1777"] });
        },
      );
      expect(stderr).toBe("");
      const [uid, gid, groups, owner] = stdout.trim().split("\n");
      expect([uid, gid, owner]).toEqual(["1000", "1000", "1000:1000"]);
      expect(new Set(groups!.split(" "))).toEqual(new Set(["1000", "5", "50", "60000"]));
    });

    test("files made by another id belong to the mapped id outside", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        manyIds(subject)(spec);
        spec.process.args = ["/bin/sh", "-c", "touch /f; chown 33:44 /f"];
      });
      expect((await box.call(["run", "--bundle", bundle, box.name()])).stderr).toBe("");
      const { uid, gid } = statSync(`${bundle}/rootfs/f`);
      if (rootless) {
        expect(uid).toBe(subordinateRange(subject.caller, "/etc/subuid")[0] + 32);
        expect(gid).toBe(subordinateRange(subject.caller, "/etc/subgid")[0] + 43);
      } else expect([uid, gid]).toEqual([100033, 100044]);
    });

    test("an overlap in the map, and an unmapped user, are refused", async () => {
      await using box = new Sandbox(subject);
      const overlap = await box.sh("true", (spec) => {
        manyIds(subject)(spec);
        spec.linux.uidMappings!.push({ containerID: 10, hostID: subject.caller.uid, size: 5 });
      });
      expect(overlap.code).not.toBe(0);
      const unmapped = await box.sh("true", (spec) => {
        manyIds(subject)(spec);
        spec.process.user = { uid: 70000, gid: 0 };
      });
      expect(unmapped.code).not.toBe(0);
      if (subject.runtime !== "brun") return;
      expect(overlap.stderr).toMatch(/uidMappings/);
      expect(unmapped.stderr).toMatch(/70000/);
      await box.untilGone();
    });
  });
}

for (const userBrun of subjects(["brun"]).filter(({ caller }) => caller.name === "user")) {
  describe(`${userBrun.label}: a spec written for root`, () => {
    const rootSpec = (edit: (spec: TestSpec) => void): ((spec: TestSpec) => void) => {
      return (spec) => {
        const { args, env } = spec.process;
        Object.assign(spec, baseSpec({ ...userBrun.caller, uid: 0, gid: 0 }));
        Object.assign(spec.process, { args, env });
        edit(spec);
      };
    };

    test("runs with the ids of /etc/subuid", async () => {
      await using box = new Sandbox(userBrun);
      const script = "id -u; cat /proc/self/uid_map; ls /sys/class/net";
      const { stdout, code, stderr } = await box.sh(
        script,
        rootSpec(() => undefined),
      );
      expect(stderr).toBe("");
      expect(code).toBe(0);
      expect(stdout.startsWith("0\n")).toBe(true);
      const map = idMap(stdout.slice(2, stdout.indexOf("lo")));
      expect(map[0]).toEqual([0, userBrun.caller.uid, 1]);
      expect(map[1]![1]).toBe(subordinateRange(userBrun.caller, "/etc/subuid")[0]);
    });

    test("with devices, a gid=5 devpts, oomScoreAdj below zero and other things only root may do", async () => {
      await using box = new Sandbox(userBrun);
      const { stdout, code } = await box.sh(
        "test -c /dev/fuse && echo device; test -c /dev/ptmx && echo ptmx",
        rootSpec((spec) => {
          spec.process.oomScoreAdj = -500;
          spec.linux.devices = [{ path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o666 }];
        }),
      );
      expect(code).toBe(0);
      expect(stdout).toContain("ptmx");
    });

    test.if(isRoot)("without subordinate ids the caller alone is mapped", async () => {
      await using box = new Sandbox(userBrun);
      const empty = box.file("empty", "");
      const { stdout, code } = await box.sh(
        "id -u; cat /proc/self/uid_map",
        rootSpec(() => undefined),
        {
          binds: { [empty]: "/etc/subuid" },
        },
      );
      expect(code).toBe(0);
      expect(idMap(stdout.slice(2))).toEqual([[0, userBrun.caller.uid, 1]]);
    });

    test.if(isRoot)(
      "subordinate ids in more ranges than the kernel maps, and lines that newuidmap does not take",
      async () => {
        await using box = new Sandbox(userBrun);
        const { user } = userBrun.caller;
        const first = (i: number) => 1_000_000_000 + 70_000 * i;
        const lines = Array.from({ length: 400 }, (_, i) => `${user}:${first(i)}:65536\n`);
        const odd = `${user}:900000000:65536\r\n ${user}:910000000:65536\n`;
        const file = box.file("many", odd + lines.join(""));
        const { stdout, stderr, code } = await box.sh(
          "cat /proc/self/uid_map",
          rootSpec(() => undefined),
          { binds: { [file]: "/etc/subuid" } },
        );
        expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
        const map = idMap(stdout);
        expect(map.length).toBeGreaterThan(100);
        expect(map.slice(0, 3)).toEqual([
          [0, userBrun.caller.uid, 1],
          [1, first(0), 65536],
          [65537, first(1), 65536],
        ]);
      },
    );

    test.if(isRoot)(
      "subordinate ids that do not cover the map: the file and the line to add are named",
      async () => {
        await using box = new Sandbox(userBrun);
        const [first] = subordinateRange(userBrun.caller, "/etc/subuid");
        const small = box.file("small", `${userBrun.caller.user}:${first}:100\n`);
        const { code, stderr } = await box.sh("true", (spec) => mapManyIds(spec, userBrun.caller), {
          binds: { [small]: "/etc/subuid" },
        });
        expect(code).toBe(1);
        expect(stderr).toContain("/etc/subuid");
        expect(stderr.trim().split("\n")).toHaveLength(1);
        await box.untilGone();
      },
    );

    test.if(isRoot)("without newuidmap: the package is named", async () => {
      await using box = new Sandbox(userBrun);
      const { code, stderr } = await box.sh("true", (spec) => mapManyIds(spec, userBrun.caller), {
        binds: { "/dev/null": Bun.which("newuidmap") ?? "/usr/bin/newuidmap" },
      });
      expect(code).toBe(1);
      expect(stderr).toContain("uidmap");
      expect(stderr.trim().split("\n")).toHaveLength(1);
      await box.untilGone();
    });

    test("the host's ids are what they were", () => {
      expect(readFileSync("/proc/self/uid_map", "utf8").trim()).toMatch(/^0\s+0\s+4294967295$/);
    });
  });
}
