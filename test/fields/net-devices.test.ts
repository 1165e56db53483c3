/** linux.netDevices and linux.intelRdt. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import { mapManyIds } from "../support/spec.ts";

for (const subject of subjects(["brun"])) {
  const { caller } = subject;
  const root = caller.name === "root";
  const forRoot = root ? test : () => undefined;

  /** Runs brun in a network namespace of its own, which stands for the host's. */
  function onHost(box: Sandbox, prepare: string, bundle: string) {
    const argv = box.argv(["run", "--bundle", bundle, box.name()]);
    const script = `set -e; ${prepare}\n"$@"; ip -o link | cut -d: -f2 | cut -d@ -f1 | tr -d '\\n'`;
    const { stdout, stderr } = Bun.spawnSync(["unshare", "--net", "sh", "-c", script, "sh", ...argv], {
      env: box.env,
    });
    return { stdout: stdout.toString(), stderr: stderr.toString() };
  }

  const PREPARE = `ip link add one type veth peer name peer1
    ip link add two type veth peer name peer2
    ip addr add 10.9.8.7/24 brd 10.9.8.255 dev one; ip addr add 169.254.1.1/16 scope link dev one
    ip -6 addr add fd00::7/64 dev one nodad
    ip link set one mtu 1400 address 02:00:00:00:00:07 up; ip link set peer1 up`;

  describe(subject.label, () => {
    for (const mapped of [false, true]) {
      forRoot(
        `devices move with addresses and are renamed${mapped ? ", with a user namespace" : ""}`,
        async () => {
          await using box = new Sandbox(subject);
          const bundle = box.bundle((spec) => {
            if (mapped) mapManyIds(spec, caller);
            delete spec.process.capabilities!.ambient;
            Object.assign(spec.linux, { netDevices: { one: { name: "eth%d" }, two: {} } });
            const show =
              "ip -o addr show dev eth0 | sed 's/  */ /g' | cut -d' ' -f3-6; ip -o link show two | cut -c1-2 >/dev/null";
            const link = "cat /sys/class/net/eth0/mtu /sys/class/net/eth0/address";
            spec.process.args = [
              "/bin/sh",
              "-c",
              `${show} && ${link} && ip link show two | grep -o UP | head -1`,
            ];
          });
          if (mapped) Bun.spawnSync(["chown", "-hR", "100000:100000", `${bundle}/rootfs`]);
          const { stdout, stderr } = onHost(box, PREPARE, bundle);
          expect(stderr).toBe("");
          expect(stdout).toContain("inet 10.9.8.7/24 brd 10.9.8.255\n");
          expect(stdout).toContain("inet6 fd00::7/64");
          expect(stdout).not.toContain("169.254");
          expect(stdout).toContain("\n1400\n02:00:00:00:00:07\nUP\n");
        },
      );
    }

    forRoot("a device that is not there is named", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        Object.assign(spec.linux, { netDevices: { nope: {} } });
      });
      expect(onHost(box, ":", bundle).stderr).toContain(
        "linux.netDevices.nope: cannot find the device nope: no such device (ENODEV)",
      );
    });

    if (!root) {
      test("netDevices are refused to a caller without root", async () => {
        await using box = new Sandbox(subject);
        const { code, stderr } = await box.sh("true", (spec) => {
          spec.linux.namespaces.push({ type: "network" });
          Object.assign(spec.linux, { netDevices: { lo: {} } });
        });
        expect(code).toBe(1);
        expect(stderr).toContain(
          "linux.netDevices.lo: a network device of the host can be moved by root alone",
        );
      });
    }

    if (!readFileSync("/proc/self/mountinfo", "utf8").includes(" - resctrl ")) {
      test("intelRdt is refused where resctrl is not mounted", async () => {
        await using box = new Sandbox(subject);
        const { code, stderr } = await box.sh("true", (spec) => {
          Object.assign(spec.linux, { intelRdt: { closID: "gold", schemata: ["L3:0=f"] } });
        });
        expect(code).toBe(1);
        expect(stderr).toContain("linux.intelRdt needs resctrl, which is not mounted on this machine");
      });
    }
  });
}
