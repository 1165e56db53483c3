/** What a process inside a container sees and may do. */
import { describe, expect, test } from "bun:test";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { subjects } from "./support/runtime.ts";
import { type Outcome, Sandbox } from "./support/sandbox.ts";
import { capabilitySets, DOCKER_CAPABILITIES } from "./support/spec.ts";

const NAMESPACES = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];

/** The value of a field of /proc/PID/status. */
function field(status: string, name: string): string {
  return new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1] ?? "";
}

/** stdout of a run that must succeed. */
function output(outcome: Outcome): string {
  if (outcome.code !== 0) throw new Error(`exit ${outcome.code}: ${outcome.stderr}`);
  return outcome.stdout;
}

for (const subject of subjects()) {
  const rootless = subject.caller.name === "user";
  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    test("every namespace asked for is new, the others are the host's", async () => {
      await using box = new Sandbox(subject);
      const script = NAMESPACES.map((name) => `readlink /proc/self/ns/${name}`).join("; ");
      const inside = output(await box.sh(script))
        .trim()
        .split("\n");
      const asked = new Set(["cgroup", "ipc", "mnt", "pid", "uts", rootless ? "user" : "net"]);
      NAMESPACES.forEach((name, i) => {
        const shared = inside[i] === readlinkSync(`/proc/self/ns/${name}`);
        expect(`${name} ${shared ? "shared" : "new"}`).toBe(`${name} ${asked.has(name) ? "new" : "shared"}`);
      });
    });

    test("all eight namespaces at once", async () => {
      await using box = new Sandbox(subject);
      const names = [...NAMESPACES, "time"];
      const script = names.map((name) => `readlink /proc/self/ns/${name}`).join("; ");
      const outcome = await box.sh(script, (spec) => {
        const types = ["cgroup", "ipc", "mount", "network", "pid", "user", "uts", "time"];
        // crun 1.8 and runc 1.1 know no time namespace.
        const known = subject.runtime === "brun" ? types : types.slice(0, 7);
        spec.linux.namespaces = known.map((type) => ({ type }));
        spec.linux.uidMappings ??= [{ containerID: 0, hostID: 0, size: 65536 }];
        spec.linux.gidMappings ??= [{ containerID: 0, hostID: 0, size: 65536 }];
      });
      const inside = output(outcome).trim().split("\n");
      names.forEach((name, i) => {
        if (name === "time" && subject.runtime !== "brun") return;
        expect(`${name} ${inside[i]}`).not.toBe(`${name} ${readlinkSync(`/proc/self/ns/${name}`)}`);
      });
    });

    test("process 1, alone", async () => {
      await using box = new Sandbox(subject);
      expect(output(await box.sh("echo $$; ls -d /proc/[0-9]* | wc -l"))).toMatch(/^1\n[1-3]\n$/);
    });

    test("host and domain name are its own", async () => {
      await using box = new Sandbox(subject);
      const outcome = await box.sh(
        "hostname; cat /proc/sys/kernel/domainname; hostname other 2>&1; hostname",
        (spec) => {
          spec.hostname = "inner";
          if (subject.runtime !== "runc") spec.domainname = "example.org";
        },
      );
      const lines = outcome.stdout.split("\n");
      expect(lines[0]).toBe("inner");
      if (subject.runtime === "brun") expect(lines[1]).toBe("example.org");
      expect(hostname()).not.toBe("inner");
    });

    test("cwd, HOME, umask, arguments and environment", async () => {
      await using box = new Sandbox(subject);
      const outcome = await box.sh("pwd; echo $HOME; umask; env", (spec) => {
        spec.process.cwd = "/tmp";
        spec.process.user.umask = 0o27;
        spec.process.env = ["PATH=/bin", "EMPTY=", "SPACE=a b  c", "UTF8=ä€"];
      });
      const lines = output(outcome).split("\n");
      expect(lines.slice(0, 3)).toEqual(["/tmp", "/root", "0027"]);
      expect(lines).toEqual(expect.arrayContaining(["EMPTY=", "SPACE=a b  c", "UTF8=ä€"]));
      expect(lines.filter((line) => line.startsWith("XDG_RUNTIME_DIR"))).toEqual([]);
    });

    test("a cwd that is missing is made", async () => {
      await using box = new Sandbox(subject);
      const outcome = await box.sh("pwd", (spec) => {
        spec.process.cwd = "/not/there";
      });
      // crun refuses, runc makes it.
      if (subject.runtime !== "crun") expect(output(outcome)).toBe("/not/there\n");
    });

    test("capabilities: the sets of the config and no others", async () => {
      await using box = new Sandbox(subject);
      const KILL = 1n << 5n;
      const CHOWN = 1n;
      const outcome = await box.sh("cat /proc/self/status", (spec) => {
        spec.process.capabilities = {
          bounding: ["CAP_KILL", "CAP_CHOWN"],
          effective: ["CAP_KILL"],
          permitted: ["CAP_KILL", "CAP_CHOWN"],
          inheritable: ["CAP_KILL"],
          ambient: ["CAP_KILL"],
        };
        spec.process.noNewPrivileges = true;
      });
      const status = output(outcome);
      const set = (name: string): bigint => BigInt(`0x${field(status, name)}`);
      expect(set("CapBnd")).toBe(KILL | CHOWN);
      expect(set("CapInh")).toBe(KILL);
      expect(set("CapAmb")).toBe(KILL);
      // execve as uid 0 gives what is inheritable and bounding, unless the runtime sets securebits.
      expect(set("CapPrm") & ~(KILL | CHOWN)).toBe(0n);
      expect(field(status, "NoNewPrivs")).toBe("1");
    });

    test("no capabilities at all", async () => {
      await using box = new Sandbox(subject);
      const outcome = await box.sh("cat /proc/self/status", (spec) => {
        spec.process.capabilities = capabilitySets([]);
      });
      const status = output(outcome);
      for (const name of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
        expect(`${name} ${BigInt(`0x${field(status, name)}`)}`).toBe(`${name} 0`);
      }
    });

    test("rlimits and oomScoreAdj", async () => {
      await using box = new Sandbox(subject);
      const outcome = await box.sh("cat /proc/self/limits /proc/self/oom_score_adj", (spec) => {
        spec.process.oomScoreAdj = 321;
        spec.process.rlimits = [
          { type: "RLIMIT_CORE", hard: 4096, soft: 1024 },
          { type: "RLIMIT_NPROC", hard: 5000, soft: 4000 },
        ];
      });
      const limits = output(outcome).replace(/ +/g, " ");
      expect(limits).toContain("Max core file size 1024 4096 bytes");
      expect(limits).toContain("Max processes 4000 5000 processes");
      expect(limits.trimEnd()).toMatch(/\n321$/);
    });

    test("masked directories share one file system, and a path given twice is masked once", async () => {
      await using box = new Sandbox(subject);
      const script =
        "stat -c %d /home /tmp /var; grep -c ' /tmp ' /proc/self/mountinfo; ls -A /home /tmp; touch /tmp/x";
      const { stdout, stderr } = await box.sh(script, (spec) => {
        spec.linux.maskedPaths = ["/home", "/tmp", "/var", "/tmp/"];
      });
      const lines = stdout.split("\n");
      expect(new Set(lines.slice(0, 3)).size).toBe(1);
      expect(lines.slice(3)).toEqual(["1", "/home:", "", "/tmp:", ""]);
      expect(stderr).toContain("Read-only file system");
    });

    test("masked paths are empty, read-only paths refuse writing, the rest of /proc is there", async () => {
      await using box = new Sandbox(subject);
      const script = [
        "cat /proc/keys | wc -c",
        "ls /sys/firmware /proc/scsi 2>/dev/null | grep -vc : ",
        "echo 1 >/proc/sys/vm/drop_caches && echo wrote",
        "echo h >/proc/sysrq-trigger && echo wrote",
        "cat /proc/kcore | head -c 1 | wc -c",
        "test -r /proc/version && echo version",
      ].join("; ");
      const outcome = await box.sh(script);
      expect(outcome.stdout).not.toContain("wrote");
      expect(outcome.stdout.split("\n")[0]).toBe("0");
      expect(outcome.stdout).toContain("version");
    });

    test("/dev/ptmx is of the container's devpts, also when it is among linux.devices", async () => {
      await using box = new Sandbox(subject);
      const { stdout, stderr } = await box.sh("readlink /dev/ptmx", (spec) => {
        spec.linux.devices = [{ path: "/dev/ptmx", type: "c", major: 5, minor: 2 }];
      });
      expect([stdout, stderr]).toEqual(["pts/ptmx\n", ""]);
    });

    test("/dev: the six devices, the links, ptmx, nothing of the host", async () => {
      await using box = new Sandbox(subject);
      const script = [
        'for d in null zero full random urandom tty; do test -c /dev/$d && echo -n "$d "; done; echo',
        'for l in fd stdin stdout stderr ptmx; do echo -n "$(readlink /dev/$l) "; done; echo',
        "head -c 3 /dev/zero | wc -c; echo x >/dev/null && echo null; echo x >/dev/full || echo full",
        "ls /dev",
      ].join("\n");
      const lines = output(await box.sh(script)).split("\n");
      expect(lines[0]).toBe("null zero full random urandom tty ");
      expect(lines[1]).toBe("/proc/self/fd /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 pts/ptmx ");
      expect(lines.slice(2, 5)).toEqual(["3", "null", "full"]);
      const known =
        "console core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero";
      expect(lines.slice(5).filter((name) => name !== "" && !known.split(" ").includes(name))).toEqual([]);
    });

    test("no descriptor of the runtime is open inside, at run and at exec", async () => {
      await using box = new Sandbox(subject);
      const id = box.name();
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sh", "-c", "ls -l /proc/1/fd; exec sleep 1000"];
      });
      const run = box.spawn(["run", "--detach", "--bundle", bundle, id]);
      expect((await run.done).code).toBe(0);
      await box.untilStatus(id, "running");
      const own = await box.exec(id, "ls /proc/1/fd; echo; exec ls -l /proc/self/fd");
      const [first, second] = output(own).split("\n\n");
      expect(first!.split("\n")).toEqual(["0", "1", "2"]);
      // ls has one open itself: the directory that it reads.
      const open = [...second!.matchAll(/ (\d+) -> (.*)/g)].map(([, fd, target]) => `${fd} ${target}`);
      expect(open.filter((line) => !/^[012] /.test(line) && !/\/proc\/\d+\/fd$/.test(line))).toEqual([]);
    });

    test("signal dispositions and mask are the default ones", async () => {
      await using box = new Sandbox(subject);
      // A shell would change some: cat does not.
      const outcome = await box.sh("", (spec) => {
        spec.process.args = ["/bin/cat", "/proc/self/status"];
      });
      const status = output(outcome);
      expect(field(status, "SigIgn")).toBe("0000000000000000");
      expect(field(status, "SigBlk")).toBe("0000000000000000");
    });

    test("the keyring is new", async () => {
      await using box = new Sandbox(subject);
      const keys = output(
        await box.sh("cat /proc/keys; echo end", (spec) => {
          spec.linux.maskedPaths = [];
        }),
      );
      if (subject.runtime === "brun") expect(keys).toContain("_ses");
    });

    test("loopback is up in a new network namespace", async () => {
      await using box = new Sandbox(subject);
      const outcome = await box.sh(
        "cat /proc/net/dev | tail -n +3 | cut -d: -f1; ping -c 1 -W 2 127.0.0.1 | grep -c ttl",
        (spec) => {
          spec.process.capabilities = capabilitySets(DOCKER_CAPABILITIES);
          if (rootless) spec.linux.namespaces.push({ type: "network" });
        },
      );
      expect(outcome.stdout.trim().split(/\s+/)).toEqual(["lo", "1"]);
    });

    test("sysctl of the container's namespaces", async () => {
      await using box = new Sandbox(subject);
      const outcome = await box.sh("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax", (spec) => {
        if (rootless) spec.linux.namespaces.push({ type: "network" });
        spec.linux.sysctl = { "net.ipv4.ip_forward": "1", "kernel.msgmax": "9999" };
      });
      expect(output(outcome)).toBe("1\n9999\n");
      expect(readFileSync("/proc/sys/kernel/msgmax", "utf8")).not.toBe("9999\n");
    });

    test("a read-only root refuses writing, mounts on it do not", async () => {
      await using box = new Sandbox(subject);
      const outcome = await box.sh("touch /x && echo wrote; touch /dev/shm/x && echo shm", (spec) => {
        spec.root.readonly = true;
      });
      expect(outcome.stdout).toBe("shm\n");
    });

    test("the host's root cannot be reached from inside", async () => {
      await using box = new Sandbox(subject);
      const script =
        "cd /; cd ../../../..; pwd; test -e /proc/1/root/bin/busybox && echo own; ls -d /etc/debian_version /host 2>/dev/null; :";
      expect(output(await box.sh(script))).toBe("/\nown\n");
      const mountinfo = output(await box.sh("cat /proc/self/mountinfo"));
      // The root mount is the bundle's; the old root is not mounted anywhere.
      expect(mountinfo.split("\n").filter((line) => / \/ - | \/oldroot|\.pivot/.test(line))).toEqual([]);
    });

    test("--no-pivot also ends up in the new root", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sh", "-c", "ls -d /bin/busybox /etc/debian_version 2>/dev/null"];
      });
      const outcome = await box.call(["run", "--no-pivot", "--bundle", bundle, box.name()]);
      expect(outcome.stdout).toBe("/bin/busybox\n");
    });
  });
}
