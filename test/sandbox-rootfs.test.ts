/** `brun run --rootfs`: a directory as the root, and the flags that --host has, too. */
import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { ownedDir } from "./support/caller.ts";
import { until } from "./support/processes.ts";
import { makeRootfs } from "./support/rootfs.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  function rootfs(box: Sandbox): string {
    return makeRootfs(ownedDir(caller, `${box.dir}/root`), caller);
  }

  describe(subject.label, () => {
    test("--timeout kills; -d --rm leaves nothing when the program has ended", async () => {
      await using box = new Sandbox(subject);
      const root = rootfs(box);
      const id = box.name();
      const before = performance.now();
      expect((await box.call(["run", "--rootfs", root, "--timeout", "1", "--", "sleep", "1000"])).code).toBe(
        137,
      );
      expect(performance.now() - before).toBeLessThan(9000);
      const detach = ["run", "--rootfs", root, "-d", "--rm", "--timeout", "20", id, "--"];
      expect(await box.ok([...detach, "sleep", "1"])).toBe(`${id}\n`);
      expect((await box.inspect(id)).status).toBe("running");
      await until("it is gone", () => !box.known(id));
      await box.untilGone(id);
      const failed = await box.call([...detach, "nosuchprogram"]);
      expect(failed.code).toBe(127);
      expect(failed.stderr).toBe('brun: exec: "nosuchprogram": executable file not found in $PATH\n');
      const keptId = box.name();
      const kept = ["run", "--rootfs", root, "-d", "--name", keptId, "--", "true"];
      await box.ok(kept);
      await box.untilStatus(keptId, "stopped");
    });

    test("--rootfs: root inside, the directory is left as it is", async () => {
      await using box = new Sandbox(subject);
      const root = rootfs(box);
      const id = box.name();
      const before = readdirSync(root, { recursive: true }).length;
      const script = "id -u; hostname; pwd; echo x > /etc/passwd; touch /new; rm -rf /var; cat /etc/passwd";
      const { stdout, stderr, code } = await box.call([
        "run",
        "--rootfs",
        root,
        id,
        "--",
        "sh",
        "-c",
        script,
      ]);
      expect({ stdout, stderr, code }).toEqual({ stdout: `0\n${id}\n/\nx\n`, stderr: "", code: 0 });
      expect(readdirSync(root, { recursive: true }).length).toBe(before);
      expect(readFileSync(`${root}/etc/passwd`, "utf8")).toStartWith("root:");
      await box.ok(["run", "--rootfs", root, "--writable", "--", "touch", "/new"]);
      expect(existsSync(`${root}/new`)).toBe(true);
    });

    test("--rootfs: a directory that was removed can be made again, before Linux 6.6 on --upper alone", async () => {
      await using box = new Sandbox(subject);
      const root = rootfs(box);
      mkdirSync(`${root}/var/old`, { recursive: true });
      const upper = ["--upper", ownedDir(caller, `${box.dir}/upper`)];
      const [major, minor] = release().split(".").map(Number);
      const recent = major! > 6 || (major === 6 && minor! >= 6);
      for (const flags of recent ? [[], upper] : [upper]) {
        const script = "rm -rf /var && mkdir /var && ls -A /var && echo empty";
        const run = ["run", "--rootfs", root, ...flags, "--", "sh", "-c", script];
        expect(await box.call(run)).toMatchObject({ code: 0, stdout: "empty\n", stderr: "" });
      }
    });

    test("--rootfs: what is missing for /proc and /dev is not made in it", async () => {
      await using box = new Sandbox(subject);
      const root = ownedDir(caller, `${box.dir}/tiny`);
      mkdirSync(`${root}/bin`);
      writeFileSync(`${root}/bin/sh`, readFileSync(Bun.which("busybox")!));
      chmodSync(`${root}/bin/sh`, 0o755);
      expect(await box.ok(["run", "--rootfs", root, "--", "sh", "-c", "echo /proc/self /dev/null"])).toBe(
        "/proc/self /dev/null\n",
      );
      expect(await box.ok(["run", "--read-only", "--rootfs", root, "--", "sh", "-c", "echo /dev/nul*"])).toBe(
        "/dev/null\n",
      );
      expect(readdirSync(root)).toEqual(["bin"]);
    });

    test("volumes, tmpfs, environment, user, directory, name", async () => {
      await using box = new Sandbox(subject);
      const root = rootfs(box);
      const shared = ownedDir(caller, `${box.dir}/shared`);
      box.file("shared/file", "shared\n");
      const flags = [
        "-v",
        `${shared}:/in:ro`,
        "-v",
        `${shared}:/over:O`,
        "--tmpfs",
        "/var:size=1m",
        "-w",
        "/in",
      ];
      const script = `cat file; touch x 2>/dev/null || echo read-only; echo y > /over/new && cat /over/file
        echo $A$B; mount | grep -c ' /var type tmpfs .*size=1024k'; pwd`;
      const env = { B: "2" };
      const run = [
        "run",
        "--rootfs",
        root,
        ...flags,
        "-e",
        "A=1",
        "-e",
        "B",
        "--name",
        box.name(),
        "--",
        "sh",
        "-c",
        script,
      ];
      expect(await box.ok(run, { env })).toBe("shared\nread-only\nshared\n12\n1\n/in\n");
      expect(readdirSync(shared)).toEqual(["file"]);
      const who = await box.ok([
        "run",
        "--rootfs",
        root,
        "-u",
        "alice",
        "--",
        "sh",
        "-c",
        "id; grep CapEff /proc/self/status",
      ]);
      expect(who).toStartWith("uid=1000(alice) gid=1000(alice) groups=50(staff),1000(alice)\n");
      expect(who).toContain("CapEff:\t0000000000000000\n");
    });

    test("capabilities are podman's, and so is what is masked", async () => {
      await using box = new Sandbox(subject);
      const script = `grep -e Cap -e NoNew /proc/self/status; echo $HOSTNAME $container
        cat /proc/interrupts /proc/keys; ls /sys/firmware /sys/dev/block`;
      const outcome = await box.call([
        "run",
        "--rootfs",
        rootfs(box),
        "--name",
        box.name(),
        "--hostname",
        "h",
        "--",
        "sh",
        "-c",
        script,
      ]);
      expect(outcome).toMatchObject({
        code: 0,
        stdout: [
          "CapInh:\t0000000000000000",
          "CapPrm:\t00000000800405fb",
          "CapEff:\t00000000800405fb",
          "CapBnd:\t00000000800405fb",
          "CapAmb:\t0000000000000000",
          "NoNewPrivs:\t0",
          "h brun",
          "/sys/dev/block:",
          "",
          "/sys/firmware:",
          "",
        ].join("\n"),
      });
    });

    test("the default filter: what programs need works, namespaces are refused", async () => {
      await using box = new Sandbox(subject);
      const root = rootfs(box);
      const script = "unshare -U true 2>&1; chroot / true && echo chroot; grep Seccomp: /proc/self/status";
      const filtered = await box.call(["run", "--rootfs", root, "--", "sh", "-c", script]);
      expect(filtered.stdout).toBe(
        "unshare: unshare(0x10000000): Operation not permitted\nchroot\nSeccomp:\t2\n",
      );
      const open = [
        "run",
        "--rootfs",
        root,
        "--security-opt",
        "seccomp=unconfined",
        "--",
        "sh",
        "-c",
        script,
      ];
      expect((await box.call(open)).stdout).toContain("Seccomp:\t0\n");
    });

    test("--print-config is a config that runs the same; nothing is made", async () => {
      await using box = new Sandbox(subject);
      const root = rootfs(box);
      const text = await box.ok([
        "run",
        "--print-config",
        "--rootfs",
        root,
        "-e",
        "A=1",
        "x",
        "--",
        "sh",
        "-c",
        "echo $A; hostname",
      ]);
      expect(existsSync(box.state)).toBe(false);
      const bundle = ownedDir(caller, `${box.dir}/bundle`);
      box.file("bundle/config.json", text);
      expect(await box.ok(["run", "--bundle", bundle, box.name()])).toBe("1\nx\n");
    });
  });
}
