/** What a user's systemd session has to do with a container's cgroup. Only in the test machine. */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { host } from "../support/caller.ts";
import type { CallOptions } from "../support/sandbox.ts";
import { fileText, PlacedSandbox, place, settings } from "./place.ts";

const LIMITS = { pids: { limit: 23 } };

/** A sandbox whose brun is started by way of another command. */
class WrappedSandbox extends PlacedSandbox {
  wrapper: readonly string[] = [];

  override argv(args: readonly string[], options: CallOptions = {}): string[] {
    return [...this.wrapper, ...super.argv(args, options)];
  }

  /** Runs a container with the limit above; returns its cgroup's path and pids.max. */
  async limited(options: CallOptions = {}): Promise<[string, string]> {
    const [id, bundle] = [
      this.name(),
      this.bundle((spec) => {
        spec.linux.resources = LIMITS;
        spec.process.args = ["/bin/sleep", "1000"];
      }),
    ];
    await this.ok(["run", "--detach", "--bundle", bundle, id], options);
    const directory = await this.cgroupOf(id);
    const found: [string, string] = [directory, fileText(directory, "pids.max")];
    await this.ok(["delete", "--force", id], options);
    return found;
  }
}

/** The caller's units of containers, loaded in any state. */
function units(user: boolean): string {
  return host(
    "systemctl",
    ...(user ? ["--user"] : []),
    "list-units",
    "--all",
    "--plain",
    "--no-legend",
    "brun-*",
  );
}

const here = place();
if (here?.systemd) {
  describe(`systemd at ${here.name}`, () => {
    test("the scope has the container's name, and is gone with it", async () => {
      await using box = new WrappedSandbox(here);
      expect(await box.limited()).toEqual([expect.stringMatching(/\/brun-.*\.scope$/), "23"]);
      expect(units(here.user)).toBe("");
    });

    test("a limit is a property of the unit, and so is an annotation", async () => {
      await using box = new WrappedSandbox(here);
      const id = await box.detached((spec) => {
        spec.linux.resources = { ...LIMITS, memory: { limit: 64 << 20 }, cpu: { shares: 512 } };
        spec.annotations = { "org.systemd.property.TimeoutStopUSec": "uint64 123456789" };
      });
      const unit = (await box.cgroupOf(id)).split("/").at(-1)!;
      const names = ["TasksMax", "MemoryMax", "TimeoutStopUSec"].flatMap((name) => ["-p", name]);
      const shown = host("systemctl", ...(here.user ? ["--user"] : []), "show", unit, ...names);
      expect(shown.trim().split("\n").sort()).toEqual([
        `MemoryMax=${64 << 20}`,
        "TasksMax=23",
        "TimeoutStopUSec=2min 3.456789s",
      ]);
      expect(fileText(await box.cgroupOf(id), "cpu.weight")).toBe("59");
    });

    test("memory.oom.group, which systemd writes to without a property for it, is as it was asked for", async () => {
      await using box = new WrappedSandbox(here);
      const id = await box.detached((spec) => {
        spec.linux.resources = { memory: { limit: 64 << 20 }, unified: { "memory.oom.group": "1" } };
      });
      const directory = await box.cgroupOf(id);
      const group = () => fileText(directory, "memory.oom.group");
      expect(group()).toBe("1");
      await box.ok(["update", "--memory", "96m", id]);
      expect(group()).toBe("1");
      if (!here.user)
        await box.ok(["update", "-r", "-", id], { stdin: '{"devices":[{"allow":false,"access":"rwm"}]}' });
      expect(group()).toBe("1");
      // Nor does it change with the next request.
      host("systemctl", ...(here.user ? ["--user"] : []), "show", "--property=Version");
      expect(group()).toBe("1");
    });

    test("daemon-reload, by which systemd writes to cgroups again, changes no limit", async () => {
      await using box = new WrappedSandbox(here);
      const id = await box.detached((spec) => {
        spec.linux.resources = {
          memory: { limit: 64 << 20, reservation: 32 << 20, swap: 96 << 20 },
          cpu: { shares: 512, quota: 12345, period: 50000, cpus: "0", mems: "0" },
          pids: { limit: 77 },
          unified: { "memory.high": `${48 << 20}` },
        };
      });
      const directory = await box.cgroupOf(id);
      const before = settings(directory);
      expect(before).toMatchObject({ "pids.max": "77", "cpuset.cpus": "0" });
      host("systemctl", ...(here.user ? ["--user"] : []), "daemon-reload");
      expect(settings(directory)).toEqual(before);
      await box.ok(["update", "--pids-limit", "78", "--cpu-quota", "20000", id]);
      const updated = settings(directory);
      expect(updated).toMatchObject({ "pids.max": "78", "cpu.max": "20000 50000" });
      host("systemctl", ...(here.user ? ["--user"] : []), "daemon-reload");
      expect(settings(directory)).toEqual(updated);
    });
  });
}

if (here?.name === "user-systemd") {
  describe("the user's session", () => {
    test("as root of a user namespace, which is how podman calls a runtime", async () => {
      await using box = new WrappedSandbox(here);
      box.wrapper = ["unshare", "--user", "--map-root-user", "--map-auto", "--mount", "--"];
      expect(await box.limited()).toEqual([
        expect.stringMatching(/user@1000\.service\/.*brun-.*\.scope$/),
        "23",
      ]);
    });

    test("where the bus does not answer systemd's own socket does", async () => {
      await using box = new WrappedSandbox(here);
      expect(existsSync("/run/user/1000/systemd/private")).toBe(true);
      const env = { DBUS_SESSION_BUS_ADDRESS: "unix:path=/run/user/1000/nothing" };
      expect(await box.limited({ env })).toEqual([expect.stringMatching(/brun-.*\.scope$/), "23"]);
    });

    test("where nothing answers, what to do is said", async () => {
      await using box = new WrappedSandbox(here);
      const env = { DBUS_SESSION_BUS_ADDRESS: "unix:path=/nothing", XDG_RUNTIME_DIR: "/nothing" };
      const bundle = box.bundle((spec) => {
        spec.linux.resources = LIMITS;
      });
      const outcome = await box.call(["run", "--bundle", bundle, box.name()], { env });
      expect(outcome.code).toBe(1);
      expect(outcome.stderr).toContain("systemd's user manager does not answer");
      expect(outcome.stderr).toContain("loginctl enable-linger");
    });
  });
}
