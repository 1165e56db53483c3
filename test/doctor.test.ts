/** `brun doctor`: what it finds on this machine, and on one where something is missing. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { installed, isRoot } from "./support/caller.ts";
import { mountsBelow } from "./support/processes.ts";
import { subjects } from "./support/runtime.ts";
import { type CallOptions, Sandbox } from "./support/sandbox.ts";
import { brunPath } from "./support/workspace.ts";

interface Finding {
  readonly id: string;
  readonly state: string;
  readonly what: string;
  readonly why: string;
  readonly fix: string | null;
  readonly user: string | null;
}

async function findings(
  box: Sandbox,
  options: CallOptions = {},
): Promise<[Map<string, Finding>, number | null]> {
  const { code, stdout, stderr } = await box.call(["doctor", "--json"], options);
  expect(stderr).toBe("");
  const list: Finding[] = JSON.parse(stdout);
  return [new Map(list.map((finding) => [finding.id, finding])), code];
}

for (const subject of subjects(["brun"])) {
  describe(subject.label, () => {
    test("containers work here, as the tests show; nothing is left behind", async () => {
      await using box = new Sandbox(subject);
      const before = readdirSync("/tmp").sort();
      const mounts = mountsBelow("/tmp");
      const [found, code] = await findings(box);
      for (const id of ["kernel", "user-namespace", "namespaces", "proc", "mounts"]) {
        expect(found.get(id)).toMatchObject({ id, state: "ok", fix: null, user: null });
      }
      expect(code).toBe([...found.values()].some(({ state }) => state === "warn") ? 1 : 0);
      expect(mountsBelow("/tmp")).toEqual(mounts);
      expect(
        readdirSync("/tmp").filter((name) => /^brun-(?!test-|\d+$)/.test(name) && !before.includes(name)),
      ).toEqual([]);
      await box.untilGone();
    });

    test("the screen has a line for each, no colours in a pipe, and reason and remedy where there is one", async () => {
      await using box = new Sandbox(subject);
      const [found] = await findings(box);
      // Other tests write to the disk meanwhile.
      const settled = (text: string) => text.replace(/[\d.]+ [MGT]?B free/, "… free");
      const stdout = settled((await box.call(["doctor"])).stdout);
      expect(stdout).not.toContain("\x1b");
      for (const { id, what, why, fix, user, state } of found.values()) {
        expect(stdout).toContain(`${id.padEnd(4)}`);
        expect(stdout).toContain(settled(what));
        if (state !== "ok") expect(stdout).toContain(`for: ${why}\n`);
        if (fix !== null) expect(stdout).toContain(`as ${user}: ${fix}\n`);
      }
      expect(stdout).toMatch(/\ncontainers work here(; \d+ things? could be better)?\n$/);
    });

    if (isRoot) {
      test("mounts below /tmp are no obstacle", async () => {
        await using box = new Sandbox(subject);
        const [found] = await findings(box, { binds: { "/usr/share": box.dir } });
        expect(found.get("mounts")).toMatchObject({ state: "ok" });
      });
    }

    test("user namespaces switched off: no containers, and the command that changes it", async () => {
      await using box = new Sandbox(subject);
      const script = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"';
      const argv = ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh", brunPath(), "doctor"];
      const child = Bun.spawnSync([...subject.caller.prefix, ...argv], {
        env: { ...box.env },
        stdin: "ignore",
      });
      const text = child.stdout.toString();
      expect(text).toContain("✖ user-namespace ");
      expect(text).toContain("as root: sysctl -w user.max_user_namespaces=15000\n");
      expect(text).toEndWith("\ncontainers do not work here\n");
      expect(child.exitCode).toBe(2);
    });

    if (!isRoot || subject.caller.uid === 0) return; // files of the host can be replaced by root only

    test("no subordinate ids", async () => {
      await using box = new Sandbox(subject);
      const empty = box.file("empty-subids", "other:100000:65536\n");
      const [found, code] = await findings(box, { binds: { [empty]: "/etc/subuid" } });
      expect(found.get("subuid")).toMatchObject({
        state: "warn",
        what: `${subject.caller.user} has no range in /etc/subuid`,
        fix: `usermod --add-subuids 165536-231071 ${subject.caller.user}`,
        user: "root",
      });
      expect(found.get("id-maps")!.state).toBe("warn");
      expect(code).toBe(1);
    });

    // A file without permissions in the place of the device.
    test.skipIf(!installed("pasta") || !existsSync("/dev/net/tun"))(
      "a network device that the caller may not open",
      async () => {
        await using box = new Sandbox(subject);
        const [found] = await findings(box, { binds: { [box.file("tun", "", 0)]: "/dev/net/tun" } });
        expect(found.get("network")).toMatchObject({
          state: "warn",
          what: "/dev/net/tun may not be opened: permission denied",
          fix: "chmod 666 /dev/net/tun",
          user: "root",
        });
      },
    );

    test("newuidmap without its privilege", async () => {
      await using box = new Sandbox(subject);
      const plain = box.file("newuidmap", "#!/bin/sh\n", 0o755);
      await Bun.$`chown root:root ${plain}`;
      const [found] = await findings(box, { binds: { [plain]: "/usr/bin/newuidmap" } });
      expect(found.get("newuidmap")).toMatchObject({
        state: "warn",
        what: "/usr/bin/newuidmap is neither setuid root nor has file capabilities",
        fix: "chmod u+s /usr/bin/newuidmap",
        user: "root",
      });
      expect(found.get("id-maps")!.state).toBe("warn");
    });
  });
}
