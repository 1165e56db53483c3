/** What a process could gain or reach besides files: setuid programs, keys, devices, cgroups, terminals. */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  rmdirSync,
  statSync,
} from "node:fs";
import { host, isRoot } from "../support/caller.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import { capabilitySets, DOCKER_CAPABILITIES, mapManyIds, type TestSpec } from "../support/spec.ts";
import { shows } from "../support/terminal.ts";
import { install, numbers } from "./support.ts";

/** A v2 hierarchy where cgroups can be made: the one of a hybrid host, or the only one. */
const HIERARCHY = existsSync("/sys/fs/cgroup/unified") ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup";

for (const subject of subjects()) {
  const { caller } = subject;
  const rootless = caller.name === "user";

  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    test("a setuid program changes the user, but not with noNewPrivileges", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        mapManyIds(spec, caller);
        spec.process.user = { uid: 1000, gid: 1000 };
        spec.process.args = ["/bin/probe", "ids"];
        spec.process.capabilities = capabilitySets(DOCKER_CAPABILITIES);
      });
      install(box, bundle, "probe");
      const program = `${bundle}/rootfs/bin/probe`;
      // Of the container's root, whoever that is outside.
      if (!rootless) chownSync(program, 100000, 100000);
      chmodSync(program, 0o4755);
      const spec = await Bun.file(`${bundle}/config.json`).json();
      for (const noNewPrivileges of [true, false]) {
        spec.process.noNewPrivileges = noNewPrivileges;
        await Bun.write(`${bundle}/config.json`, JSON.stringify(spec));
        const outcome = await box.call(["run", "--bundle", bundle, box.name()]);
        expect(outcome.stdout).toBe(noNewPrivileges ? "1000 1000 1000\n" : "1000 0 0\n");
      }
    });

    if (subject.runtime !== "crun") {
      test("a device that the caller has as stdio keeps its owner", async () => {
        await using box = new Sandbox(subject);
        const bundle = box.bundle((spec) => {
          mapManyIds(spec, caller);
          spec.process.user = { uid: 1000, gid: 1000 };
        });
        const owner = (): string => {
          const { uid, gid, mode } = statSync("/dev/null");
          return `${uid} ${gid} ${mode}`;
        };
        const before = owner();
        const fd = openSync("/dev/null", "r+");
        const argv = box.argv(["run", "--bundle", bundle, box.name()]);
        const { exitCode } = Bun.spawnSync(argv, { env: box.env, stdio: [fd, fd, fd] });
        closeSync(fd);
        const after = owner();
        if (isRoot && after !== before) host("chown", "0:0", "/dev/null");
        expect(after).toBe(before);
        expect(exitCode).toBe(0);
      });

      test.skipIf(!isRoot)("cgroups outside that the container's root owns cannot be written", async () => {
        await using box = new Sandbox(subject);
        const name = box.name();
        const directory = `${HIERARCHY}/${name}`;
        mkdirSync(directory);
        try {
          chownSync(directory, caller.uid, caller.gid);
          const script = `find /sys -type d -name ${name} -exec mkdir {}/inside \\; 2>/dev/null; echo end`;
          const shared = (type: string, options: readonly string[]) => (spec: TestSpec) => {
            const { namespaces } = spec.linux;
            spec.linux.namespaces = namespaces.filter(({ type }) => type !== "network");
            if (!rootless) {
              spec.linux.namespaces.push({ type: "user" });
              spec.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 65536 }];
              spec.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 65536 }];
            }
            spec.mounts = spec.mounts.filter(({ destination }) => destination !== "/sys/fs/cgroup");
            const sys = spec.mounts.find(({ destination }) => destination === "/sys")!;
            Object.assign(sys, { type, source: type === "sysfs" ? type : "/sys", options });
          };
          const kinds: readonly ((spec: TestSpec) => void)[] = [
            () => undefined,
            // As written for root and run in the host's network: sysfs becomes a bind of /sys.
            shared("sysfs", ["nosuid", "noexec", "nodev", "ro"]),
            shared("sysfs", ["nosuid", "noexec", "nodev"]),
            shared("bind", ["rbind", "nosuid", "noexec", "nodev", "ro"]),
          ];
          for (const kind of kinds) {
            const { stdout } = await box.sh(script, kind);
            if (subject.runtime === "brun") expect(stdout).toBe("end\n");
            expect(existsSync(`${directory}/inside`)).toBe(false);
          }
        } finally {
          for (const path of [`${directory}/inside`, directory]) if (existsSync(path)) rmdirSync(path);
        }
      });
    }

    for (const kind of ["run", "exec"]) {
      test(`${kind}: nothing is typed on the caller's terminal, nor is it taken away`, async () => {
        await using box = new Sandbox(subject);
        const id = box.name();
        const probes = "/bin/probe tiocsti 'echo typed\n'; /bin/probe steal; echo done";
        const bundle = box.bundle((spec) => {
          spec.process.args = ["/bin/sh", "-c", kind === "run" ? probes : "exec sleep 1000"];
          spec.process.capabilities = capabilitySets(DOCKER_CAPABILITIES);
        });
        install(box, bundle, "probe");
        if (kind === "exec") await box.ok(["run", "--detach", "--bundle", bundle, id]);
        const args = kind === "run" ? ["run", "--bundle", bundle, id] : ["exec", id, "/bin/sh", "-c", probes];
        await using session = box.terminal(args);
        await shows(session, "done");
        expect(await session.exited).toBe(0);
        const { tiocsti, steal } = numbers(session.text().replaceAll("\r", ""));
        expect(tiocsti).toBeGreaterThan(0);
        expect(steal).toBeGreaterThan(0);
        expect(session.text()).not.toContain("typed");
      });
    }
  });
}
