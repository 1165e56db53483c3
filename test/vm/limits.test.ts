/**
 * Limits where a plain user meets cgroups: services, cron, logins, containers. Only in the test machine, where systemd
 * starts brun from outside; `root-systemd` is where the tests may ask it to.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { host } from "../support/caller.ts";
import type { TestSpec } from "../support/spec.ts";
import { brunPath } from "../support/workspace.ts";
import { MOUNT, PlacedSandbox, place } from "./place.ts";

/** Has no lingering user manager and no subordinate ids. */
const PLAIN = "brunplain";

const limited = (spec: TestSpec): void => {
  const cpu = { quota: 50000, period: 100000 };
  spec.linux.resources = { memory: { limit: 64 << 20 }, pids: { limit: 23 }, cpu };
  spec.process.args = ["/bin/sh", "-c", `cd ${MOUNT} && cat memory.max pids.max cpu.max`];
  spec.mounts = spec.mounts.filter(({ destination }) => destination !== MOUNT);
  spec.mounts.push({ destination: MOUNT, type: "cgroup", source: "cgroup", options: ["ro"] });
  delete spec.linux.uidMappings;
  delete spec.linux.gidMappings;
};
const LIMITS = `${64 << 20}\n23\n50000 100000\n`;

const here = place();
if (here?.name === "root-systemd") {
  describe("limits for a plain user", () => {
    beforeAll(() => {
      host("useradd", "--create-home", "--shell", "/bin/sh", PLAIN);
      host("sed", "-i", `/^${PLAIN}:/d`, "/etc/subuid", "/etc/subgid");
    });
    afterAll(() => {
      // Its manager, which the login has started, goes a little later.
      host("userdel", "--force", "--remove", PLAIN);
    });

    /** Runs a shell script as a service with these properties; its arguments are the command line of brun. */
    function service(
      box: PlacedSandbox,
      properties: readonly string[],
      script = '"$@"',
      more: readonly string[] = [],
    ) {
      const bundle = box.bundle(limited);
      host("chmod", "-R", "a+rX", box.dir);
      const state = `${box.dir}/service`;
      host("install", "-d", "-m", "777", state);
      const flags = properties.flatMap((property) => ["-p", property]);
      const unit = ["--quiet", "--wait", "--pipe", "--collect", ...more, ...flags, "sh", "-c", script, "sh"];
      const command = [brunPath(), "--root", `${state}/state`, "run", "--bundle", bundle, box.name()];
      const { exitCode, stdout, stderr } = Bun.spawnSync(["systemd-run", ...unit, ...command], {
        stdio: ["ignore", "pipe", "pipe"],
      });
      return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
    }
    const works = { code: 0, stdout: LIMITS, stderr: "" };

    test("a service with Delegate=yes, without a user manager: again and again, in a domain", async () => {
      await using box = new PlacedSandbox(here);
      const own = `own=${MOUNT}$(sed -n s/^0:://p /proc/self/cgroup)`;
      const script = `${own}; "$@" && "$@" && cat $own/cgroup.type $own/init/cgroup.type`;
      const outcome = service(box, [`User=${PLAIN}`, "Delegate=yes"], script);
      expect(outcome).toEqual({ ...works, stdout: `${LIMITS}${LIMITS}domain\ndomain\n` });
    });

    test("a service without Delegate=: one line with the remedy", async () => {
      await using box = new PlacedSandbox(here);
      const { code, stdout, stderr } = service(box, [`User=${PLAIN}`]);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toMatch(
        /^brun: linux\.resources\.\S+ cannot be honoured: .*Delegate=yes to run-\S+\.service.*\n$/,
      );
    });

    test("a service of a user that lingers has its user manager, without any variable", async () => {
      await using box = new PlacedSandbox(here);
      expect(service(box, ["User=dev"])).toEqual(works);
    });

    test("cron, of a user that does not linger: one line with the remedy", async () => {
      await using box = new PlacedSandbox(here);
      // There is no cron in the machine: a service of its name is where its jobs are.
      const { code, stdout, stderr } = service(box, [`User=${PLAIN}`], '"$@"', ["--unit=cron.service"]);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toMatch(/^brun: .*run "loginctl enable-linger \d+" as root.*\n$/);
    });

    test("a login by PAM, as ssh makes it, of a user that does not linger", async () => {
      await using box = new PlacedSandbox(here);
      expect(service(box, [`User=${PLAIN}`, "PAMName=login"])).toEqual(works);
    });

    // What podman and docker give: a cgroup namespace that begins where the container's processes are.
    const inside = (flags: string, mount: string) =>
      `exec unshare ${flags} --mount --cgroup sh -c 'mount -t tmpfs none ${MOUNT} && mount ${mount} -t cgroup2 none ${MOUNT} && exec "$@"' sh "$@"`;

    test("a container with a delegated cgroup, as root of its user namespace", async () => {
      await using box = new PlacedSandbox(here);
      const script = inside("--user --map-root-user", "");
      expect(service(box, [`User=${PLAIN}`, "Delegate=yes"], script)).toEqual(works);
    });

    test("a container in a container of root's, with a cgroup namespace of its own", async () => {
      await using box = new PlacedSandbox(here);
      expect(service(box, ["Delegate=yes"], inside("", ""))).toEqual(works);
    });

    test("a container whose cgroups are read-only: one line with the remedy", async () => {
      await using box = new PlacedSandbox(here);
      const { code, stdout, stderr } = service(box, ["Delegate=yes"], inside("", "-o ro"));
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toMatch(/^brun: .*unmask=\/sys\/fs\/cgroup.*\n$/);
    });
  });
}
