/**
 * A `run` of a bundle that has been run before, which the front does without Bun by what was written down then: it does what Bun
 * does for the same command line, and Bun does it where anything is not as it was.
 */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { NR } from "../src/sys/syscalls.ts";
import { both, cachedPlans, damages, impostors, known, SETTLED_MS } from "./support/cached.ts";
import { isRoot, subordinateRange } from "./support/caller.ts";
import { compiled } from "./support/compiled.ts";
import { BY_BUN, call, type Done, front, HAS_FRONT } from "./support/front.ts";
import { until } from "./support/processes.ts";
import { type Subject, subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import type { TestSpec } from "./support/spec.ts";
import { shows } from "./support/terminal.ts";

const LOOK = `id; pwd; env | sort; hostname; umask; ulimit -a
grep -E '^(Cap|NoNewPrivs|Seccomp|Sig(Blk|Ign|Cgt)|Umask|Groups|CoreDumping)' /proc/self/status
cat /proc/self/cgroup /proc/self/uid_map /proc/self/gid_map /proc/self/oom_score_adj /proc/self/limits
cat /proc/self/mountinfo | sed 's/^[0-9]* [0-9]* [0-9:]*//; s/ \\(master\\|shared\\):[0-9]*//g'
stat -c '%A %u %g %t:%T %n' /dev/*; ls /proc/self/fd | wc -l; readlink /proc/self/ns/user | sed 's/[0-9]//g'
cat /proc/keys | grep -c keyring; ls -l /proc/self/fd | grep -c /dev/null; wc -c < /proc/self/environ`;

function edited(bundle: string, edit: (spec: TestSpec) => void): void {
  const file = `${bundle}/config.json`;
  const spec = JSON.parse(readFileSync(file, "utf8"));
  edit(spec);
  writeFileSync(file, JSON.stringify(spec, null, 2));
}

const many = (spec: TestSpec, { subject }: Sandbox): void => {
  const { uid, gid } = subject.caller;
  const map = (id: number, file: "/etc/subuid" | "/etc/subgid") => [
    { containerID: 0, hostID: id, size: 1 },
    { containerID: 1, hostID: subordinateRange(subject.caller, file)[0], size: 65535 },
  ];
  spec.linux.uidMappings = map(uid, "/etc/subuid");
  spec.linux.gidMappings = map(gid, "/etc/subgid");
};

const errno = { action: "SCMP_ACT_ERRNO", names: ["chmod", "fchmodat"], errnoRet: 5 };
const SAME: readonly [string, (spec: TestSpec, box: Sandbox) => void][] = [
  ["one id", () => undefined],
  ["65,536 ids", many],
  [
    "another user, with groups",
    (spec, box) => {
      many(spec, box);
      spec.process.user = { uid: 1000, gid: 1001, umask: 0o27, additionalGids: [5, 6] };
    },
  ],
  [
    "no mappings of its own",
    (spec) => {
      spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "user");
      delete spec.linux.uidMappings;
      delete spec.linux.gidMappings;
    },
  ],
  [
    "a filter",
    (spec) => {
      spec.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [errno] };
    },
  ],
  [
    "mounts, sysctls, limits and the like",
    (spec, box) => {
      box.file("shared", "text\n");
      spec.mounts.push(
        { destination: "/data/one", type: "bind", source: `${box.dir}/shared`, options: ["bind", "ro"] },
        { destination: "/scratch", type: "tmpfs", options: ["size=1m", "noexec"] },
      );
      spec.root.readonly = false;
      spec.linux.sysctl = { "kernel.shmmax": "4096" };
      spec.process.rlimits = [{ type: "RLIMIT_NOFILE", hard: 512, soft: 256 }];
      spec.process.capabilities = {
        bounding: ["CAP_KILL"],
        effective: ["CAP_KILL"],
        permitted: ["CAP_KILL"],
      };
      spec.process.noNewPrivileges = true;
      spec.hostname = "elsewhere";
      spec.annotations = { "org.example.note": 'größe "x" \u0001' };
    },
  ],
  [
    "limits of the process above the caller's, which are warned of each time",
    (spec) => {
      spec.process.rlimits = [{ type: "RLIMIT_NOFILE", hard: 2 ** 30, soft: 1024 }];
    },
  ],
  [
    "an annotation of crun's",
    (spec) => {
      spec.annotations = { "run.oci.keep_original_groups": "1" };
    },
  ],
  [
    "what engines write and no runtime can do",
    (spec) => {
      const some = ["CAP_CHOWN", "CAP_KILL"];
      spec.process.capabilities = { bounding: some, effective: some, permitted: some, ambient: some };
      Object.assign(spec.process.user, { username: "" });
      Object.assign(spec, { ociVersion: "1.9.0", windows: {} });
    },
  ],
];

const users: Subject[] = subjects(["brun"]).filter(({ caller }) => caller.uid !== 0);

for (const subject of users) {
  describe.if(HAS_FRONT)(subject.label, () => {
    test.each(SAME)("%s: a process inside sees what it sees when Bun does it", async (_, edit) => {
      await using box = new Sandbox(subject);
      const bundle = await known(box, ["/bin/sh", "-c", LOOK], (spec) => edit(spec, box));
      expect(await both(box, bundle)).toContain("uid=");
      expect(cachedPlans(box)).toHaveLength(1);
    });

    test("others see the container while it runs, and what is stored is what Bun stores", async () => {
      await using box = new Sandbox(subject);
      const script =
        "[ -e /ready ] || { touch /ready; exit; }; trap 'exit 7' TERM; echo up; while :; do sleep 0.02; done";
      const bundle = await known(box, ["/bin/sh", "-c", script], (spec) => {
        spec.annotations = { "org.example.note": "größe \u0001" };
        spec.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [errno] };
      });
      const look = async (globals: readonly string[]) => {
        const id = box.name();
        const running = box.spawn(["run", "--bundle", bundle, id], { globals });
        await until("it is up", () => running.stdout().includes("up"));
        const { status, pid, created, owner } = await box.inspect(id);
        expect(status).toBe("running");
        expect(readlinkSync(`/proc/${pid}/exe`)).toContain("busybox");
        expect(Math.abs(Date.parse(created as string) - Date.now())).toBeLessThan(60_000);
        expect(created).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
        expect((await box.exec(id, "echo in; chmod 600 /ready")).stdout).toBe("in\n");
        expect((await box.ok(["list", "--quiet"])).trim()).toBe(id);
        expect(statSync(`${box.state}/${id}`).mode & 0o7777).toBe(0o711);
        const stored = ["state.json", "exec.json", "seccomp.bpf"].map((name) => {
          const path = `${box.state}/${id}/${name}`;
          return [
            name,
            statSync(path).mode & 0o7777,
            readFileSync(path).toString("latin1").replaceAll(id, "ID"),
          ];
        });
        await box.ok(["kill", id, "TERM"]);
        expect((await running.done).code).toBe(7);
        expect(box.known(id)).toBe(false);
        const start = readFileSync("/proc/self/stat", "utf8") && String(pid);
        return { stored, start, owner, created: created as string };
      };
      const [mine, bun] = [await look([]), await look(BY_BUN.globals)];
      const text = ({ stored, start, created }: typeof mine) =>
        JSON.stringify(stored)
          .replace(created, "CREATED")
          .replaceAll(start, "PID")
          .replace(/startTime\\":\\"\d+/, "startTime");
      expect(text(mine)).toBe(text(bun));
      expect(mine.owner).toBe(bun.owner);
    });

    test("--detach: the same container, and plans for all later commands on it", async () => {
      await using box = new Sandbox(subject);
      const script = "exec >/out 2>&1; trap 'echo end; exit 7' TERM; echo up; while :; do sleep 0.02; done";
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sh", "-c", script];
        spec.annotations = { "org.example.note": 'größe "x" \u0001\u000e' };
        spec.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [errno] };
        spec.process.rlimits = [{ type: "RLIMIT_NOFILE", hard: 2 ** 30, soft: 1024 }];
      });
      await Bun.sleep(SETTLED_MS);
      const look = async (run: (id: string) => Promise<Done>) => {
        const id = box.name();
        const { code, stderr } = await run(id);
        const general = (text: string) => text.replaceAll(id, "ID").replaceAll(/^Compiled .*\n/gm, "");
        expect(code).toBe(0);
        const files = readdirSync(`${box.state}/${id}`).sort();
        expect(files).toEqual(["exec.json", "plans", "seccomp.bpf", "state.json"]);
        const { pid, created } = await box.inspect(id);
        // Nobody stays beside it.
        const parent = /^PPid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]!;
        expect(readFileSync(`/proc/${parent}/comm`, "utf8")).not.toBe("brun\n");
        const stored = files.map((name) => readFileSync(`${box.state}/${id}/${name}`).toString("latin1"));
        const shown = await front(box, ["state", id]);
        expect(shown.stdout).toBe(await box.ok(["state", id], BY_BUN));
        expect((await front(box, ["exec", id, "sh", "-c", "echo in; chmod 600 / || echo no"])).stdout).toBe(
          "in\nno\n",
        );
        expect((await call(box, ["delete", id])).stderr).toContain("that is not stopped");
        expect((await front(box, ["kill", id, "TERM"])).code).toBe(0);
        await box.untilStatus(id, "stopped");
        const stopped = await front(box, ["state", id]);
        expect(stopped.stdout).toBe(await box.ok(["state", id], BY_BUN));
        expect((await front(box, ["delete", id])).code).toBe(0);
        expect(box.known(id)).toBe(false);
        expect(readFileSync(`${bundle}/rootfs/out`, "utf8")).toBe("up\nend\n");
        const text = JSON.stringify([stored[0], stored[2], stored[3], shown.stdout]);
        return general(`${stderr}${text}`)
          .replaceAll(String(pid), "PID")
          .replaceAll(String(created), "CREATED")
          .replace(/startTime\\":\\"\d+/, "startTime");
      };
      const words = (id: string) => ["run", "-d", "--bundle", bundle, id];
      const byBun = await look((id) => call(box, words(id), BY_BUN));
      // A plan of its own: that of the foreground is another one.
      await box.call(["run", "--bundle", bundle, box.name()], { under: ["timeout", "-s", "TERM", "0.3"] });
      expect((await look((id) => call(box, words(id)))).length).toBeGreaterThan(0);
      expect(cachedPlans(box)).toHaveLength(2);
      expect(await look((id) => front(box, words(id)))).toBe(byBun);
      const told = await box.ok(["explain", "--cached", "-d", "--bundle", bundle]);
      expect(told).toContain('\\"id\\":\\"<id>\\"');
    });

    test("exit codes and signals", async () => {
      await using box = new Sandbox(subject);
      const bundle = await known(box, ["/bin/sh", "-c", "read line; eval $line"]);
      const run = (line: string) => front(box, ["run", "-b", bundle, box.name()], { stdin: `${line}\n` });
      expect((await run("exit 3")).code).toBe(3);
      expect((await run("trap 'exit 4' USR1; kill -USR1 $$")).code).toBe(4);
      const id = box.name();
      const running = box.spawn(["run", "-b", bundle, id], { stdin: "echo up; exec sleep 1000\n" });
      await until("it is up", () => running.stdout().includes("up"));
      await box.ok(["kill", id, "KILL"]);
      expect((await running.done).code).toBe(137);
      expect((await run("echo out; echo err >&2")).stdout).toBe("out\n");
    });

    test("signals to brun reach the program, orphans are reaped, and descriptors stay outside", async () => {
      await using box = new Sandbox(subject);
      const script =
        "[ -e /ready ] || { touch /ready; exit; }; trap 'echo got; exit 3' TERM; (sleep 0.1 &) ; echo ready; while :; do sleep 0.02; done";
      const bundle = await known(box, ["/bin/sh", "-c", script]);
      const fd = openSync("/etc/passwd", "r");
      const process = box.spawn(["run", `--bundle=${bundle}`, box.name()], { fds: [fd, fd, fd] });
      await until("it is ready", () => process.stdout().includes("ready"));
      const open = () =>
        readdirSync(`/proc/${process.pid}/fd`).map((name) => readlinkSync(`/proc/${process.pid}/fd/${name}`));
      // The program may be ready before brun, which closes them when it has been executed.
      await until("they are closed", () => !open().includes("/etc/passwd"));
      expect(readFileSync(`/proc/${process.pid}/comm`, "utf8")).toBe("brun\n");
      process.kill("SIGTERM");
      expect((await process.done).code).toBe(3);
      expect(process.stdout()).toContain("got");
    });

    test("a supervisor that is late leaves alone what has got its container's id meanwhile", async () => {
      await using box = new Sandbox(subject);
      const script = "[ -e /ready ] || { touch /ready; exit; }; echo up; exec sleep 1000";
      const bundle = await known(box, ["/bin/sh", "-c", script]);
      for (const globals of [[], BY_BUN.globals]) {
        const id = box.name();
        const late = box.spawn(["run", "--bundle", bundle, id], { globals });
        await until("it is up", () => late.stdout().includes("up"));
        const lock = `:${statSync(`${box.state}/${id}`).ino} `;
        await until("it supervises", () => !readFileSync("/proc/locks", "utf8").includes(lock));
        late.kill("SIGSTOP");
        await box.ok(["delete", "--force", id]);
        await box.ok(["create", "--bundle", bundle, id]);
        late.kill("SIGCONT");
        expect((await late.done).code).toBe(137);
        expect((await box.inspect(id)).status).toBe("created");
        await box.ok(["delete", "--force", id]);
      }
    });

    test("where a plan fails is told, if it is asked for", async () => {
      await using box = new Sandbox(subject);
      const bundle = await known(box, ["/bin/busybox", "true"]);
      const env = { BRUN_FRONT: "on" };
      const run = (id: string) =>
        box.call(["run", "--bundle", bundle, id], { globals: ["--debug"], env: { ...env } });
      const left = (stderr: string) => /fast path left: (.*)/.exec(stderr)?.[1];
      expect(await run(box.name())).toMatchObject({ code: 0, stderr: "" });
      const id = box.name();
      mkdirSync(`${box.state}/${id}`);
      const why = "the plan did not come to its end";
      expect(left((await run(id)).stderr)).toBe(`${why} (EEXIST at operation 0 of make)`);
      rmSync(`${box.state}/${id}`, { recursive: true });
      renameSync(`${bundle}/rootfs/bin/busybox`, `${bundle}/rootfs/bin/other`);
      expect(left((await run(box.name())).stderr)).toMatch(
        new RegExp(`^${why} \\(ENOENT at operation \\d+ of finish\\)$`),
      );
    });

    test("closed stdin, stdout and stderr are /dev/null", async () => {
      await using box = new Sandbox(subject);
      const bundle = await known(box, [
        "/bin/sh",
        "-c",
        "readlink /proc/self/fd/0 > /in; readlink /proc/self/fd/2 >> /in",
      ]);
      const under = ["sh", "-c", 'exec "$@" 0<&- 2>&-', "sh"];
      for (const globals of [[], BY_BUN.globals]) {
        await box.call(["run", "--bundle", bundle, box.name()], { under, globals });
        expect(readFileSync(`${bundle}/rootfs/in`, "utf8")).toBe("/dev/null\n/dev/null\n");
        rmSync(`${bundle}/rootfs/in`);
      }
    });

    test("pipes are given to the program's user, files are not, whatever they were before", async () => {
      await using box = new Sandbox(subject);
      const bundle = await known(box, ["/bin/sh", "-c", "stat -Lc %u /proc/self/fd/0"], (spec) => {
        many(spec, box);
        spec.process.user = { uid: 1000, gid: 1000 };
      });
      // Made by the caller, who cannot give away the pipes of others.
      const { prefix } = subject.caller;
      const owner = async (script: string) => {
        const argv = box.argv(["run", "--bundle", bundle, box.name()]).slice(prefix.length);
        const child = Bun.spawn([...prefix, "sh", "-c", script, "sh", ...argv], { cwd: "/", env: box.env });
        return (await new Response(child.stdout).text()).trim();
      };
      const [piped, file] = [': | "$@"', '"$@" < /etc/passwd'];
      expect(await owner(piped)).toBe("1000");
      expect(await owner(file)).toBe("65534");
      expect(await owner(file)).toBe("65534");
      expect(await owner(piped)).toBe("1000");
      expect(await owner(piped)).toBe("1000");
    });

    test("a terminal, of the size that the caller's has now", async () => {
      await using box = new Sandbox(subject);
      const script =
        "tty; stty size 2>&1; echo x >/dev/tty; trap 'stty size; exit 4' WINCH; trap 'exit 5' TERM; stty -echo; echo ready; while :; do sleep 0.02; done";
      const bundle = box.bundle((spec) => {
        spec.process.terminal = true;
        spec.process.args = ["/bin/sh", "-c", script];
      });
      const look = async (cols: number, rows: number) => {
        await using session = box.terminal(["run", "--bundle", bundle, box.name()], cols, rows);
        await shows(session, `/dev/pts/0\r\n${rows} ${cols}\r\nx\r\nready\r\n`);
        const byBun = readlinkSync(`/proc/${session.pid}/exe`).includes("memfd");
        expect(session.localFlags).not.toBe(session.flagsBefore);
        session.resize(cols + 1, rows + 1);
        await shows(session, `${rows + 1} ${cols + 1}`);
        expect(await session.exited).toBe(4);
        expect(session.localFlags).toBe(session.flagsBefore);
        return byBun;
      };
      expect(await look(80, 24)).toBe(true);
      expect(await look(91, 37)).toBe(false);
      // Without a terminal of the caller's there is no size to take over.
      const blind = () => call(box, ["run", "--bundle", bundle, box.name()], { under: ["timeout", "1"] });
      const { bun, stdout } = await blind();
      expect([bun, stdout]).toEqual([true, expect.stringMatching(/\/dev\/pts\/0\nstty: .*\nx\nready\n/)]);
      expect(await blind()).toMatchObject({
        bun: false,
        stdout: expect.stringMatching(/^\/dev\/pts\/0\nstty: .*\nx\nready\n/),
      });
    });

    test("a config of the same size and time, by an absolute or relative path", async () => {
      await using box = new Sandbox(subject);
      const bundle = await known(box, ["/bin/echo", "one"]);
      const { mtime, atime } = statSync(`${bundle}/config.json`);
      const says = async (args: readonly string[], cwd: string) => {
        const { stdout, bun } = await call(box, ["run", ...args, box.name()], { cwd });
        return [/^(one|two)$/m.exec(stdout)?.[0], bun];
      };
      const name = bundle.slice(box.dir.length + 1);
      expect(await says([], bundle)).toEqual(["one", false]);
      expect(await says(["-b", name], box.dir)).toEqual(["one", false]);
      expect(await says(["-b", "."], bundle)).toEqual(["one", false]);
      edited(bundle, (spec) => {
        spec.process.args = ["/bin/echo", "two"];
      });
      utimesSync(`${bundle}/config.json`, atime, mtime);
      expect(await says(["-b", bundle], "/")).toEqual(["two", true]);
      expect(await says(["-b", bundle], "/")).toEqual(["two", false]);
      expect(await says([], bundle)).toEqual(["two", false]);
    });

    test("HOME is that of the image's passwd as it is now, also when the container has changed it", async () => {
      await using box = new Sandbox(subject);
      const line = (home: string) => `root:x:0:0:root:${home}:/bin/sh`;
      const script = `echo $HOME; echo '${line("/second")}' > /etc/passwd`;
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sh", "-c", script];
        spec.process.env = spec.process.env.filter((name) => !name.startsWith("HOME="));
      });
      const home = async () => (await box.call(["run", "--bundle", bundle, box.name()])).stdout.trim();
      const first = await home();
      expect(first).not.toBe("/second");
      expect(await home()).toBe("/second");
      writeFileSync(`${bundle}/rootfs/etc/passwd`, `${line("/third")}\n`);
      expect(await home()).toBe("/third");
    });

    test("what has gone is told by Bun, and nothing is left", async () => {
      await using box = new Sandbox(subject);
      const source = box.file("source", "text");
      const bundle = await known(box, ["/bin/sleep", "0"], (spec) => {
        spec.mounts.push({ destination: "/source", type: "bind", source, options: ["bind"] });
      });
      const failed = async (what: RegExp) => {
        const id = box.name();
        const mine = await call(box, ["run", "--bundle", bundle, id]);
        const bun = await box.call(["run", "--bundle", bundle, id], BY_BUN);
        expect([mine.bun, mine.code]).toEqual([true, bun.code]);
        expect(mine.stderr).toContain(bun.stderr.trim());
        expect(bun.stderr).toMatch(what);
        expect(box.leftovers(id)).toEqual([]);
      };
      renameSync(source, `${source}.old`);
      await failed(/source/);
      mkdirSync(source);
      expect((await box.call(["run", "--bundle", bundle, box.name()])).code).not.toBe(0);
      rmSync(source, { recursive: true });
      renameSync(`${source}.old`, source);
      renameSync(`${bundle}/rootfs/bin/sleep`, `${bundle}/rootfs/bin/old`);
      await failed(/sleep/);
      renameSync(`${bundle}/rootfs/bin/old`, `${bundle}/rootfs/bin/sleep`);
      await front(box, ["run", "--bundle", bundle, box.name()]);
      renameSync(`${bundle}/rootfs`, `${bundle}/old`);
      await failed(/rootfs/);
      renameSync(`${bundle}/old`, `${bundle}/rootfs`);
      renameSync(`${bundle}/config.json`, `${bundle}/old`);
      await failed(/config\.json/);
    });

    test("the plan is compiled before the container is ready, and kept if it has started", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle(({ process }) => {
        process.args = ["/bin/none"];
      });
      const run = ["run", "--bundle", bundle, box.name()];
      const failed = await box.call(run, { env: { BRUN_TIMING: "1" } });
      expect(failed.stderr).toMatch(/plan of the next run compiled[\s\S]*\/bin\/none/);
      expect(cachedPlans(box)).toEqual([]);
      edited(bundle, ({ process }) => {
        process.args = ["/bin/true"];
      });
      await Bun.sleep(SETTLED_MS);
      const { code, stderr } = await box.call(run, { env: { BRUN_TIMING: "1" } });
      expect(code).toBe(0);
      expect(stderr).toMatch(/finish compiled[\s\S]*plan of the next run compiled[\s\S]*container ready/);
      expect(cachedPlans(box)).toHaveLength(1);
    });

    test("an id in use, and one that is none", async () => {
      await using box = new Sandbox(subject);
      const bundle = await known(box, ["/bin/true"]);
      const id = await box.detached();
      for (const name of [id, "..", "a/b", "@run"]) {
        const { bun, code, stderr } = await call(box, ["run", "--bundle", bundle, name]);
        expect([name, bun, code]).toEqual([name, true, 1]);
        expect(stderr).toContain(name === id ? "already exists" : "invalid container ID");
      }
      expect((await box.inspect(id)).status).toBe("running");
      expect((await box.ok(["list", "--quiet"])).trim()).toBe(id);
    });

    test("many at once, of one bundle", async () => {
      await using box = new Sandbox(subject);
      const bundle = await known(box, ["/bin/sh", "-c", "hostname; echo $$"]);
      const runs = Array.from({ length: 20 }, () =>
        box.call(["run", "--no-new-keyring", "--bundle", bundle, box.name()]),
      );
      for (const run of runs) expect(await run).toMatchObject({ code: 0, stderr: "" });
    });

    test("killed at any moment it leaves what delete --force removes", async () => {
      await using box = new Sandbox(subject);
      const bundle = await known(box, ["/bin/sleep", "0.3"]);
      for (let i = 0; i < 25; i++) {
        const id = box.name();
        const running = box.spawn(["run", "--bundle", bundle, id]);
        await Bun.sleep(i / 3);
        running.kill("SIGKILL");
        await running.done;
        if (box.known(id)) await box.ok(["delete", "--force", id]);
        await box.untilGone(id);
      }
    });

    const others: readonly [string, (spec: TestSpec, box: Sandbox) => void][] = [
      ["hooks", (spec) => Object.assign(spec, { hooks: { poststop: [{ path: "/bin/true" }] } })],
      [
        "a pid namespace to join, whose other processes may stay",
        (spec) => {
          const pid = spec.linux.namespaces.find(({ type }) => type === "pid")!;
          pid.path = "/proc/self/ns/pid";
        },
      ],
    ];
    test("--debug says why a plan is not used, or not cached", async () => {
      await using box = new Sandbox(subject);
      const bundle = await known(box, ["/bin/true"]);
      const debug = async (...flags: string[]) => {
        const args = ["run", ...flags, "--bundle", bundle, box.name()];
        const { stderr } = await box.call(args, { globals: ["--debug"] });
        return stderr
          .split("\n")
          .filter((line) => line.includes("cached"))
          .join("\n");
      };
      expect(await debug()).toMatch(/there is a cached plan$/);
      expect(await debug("--no-subreaper")).toMatch(/this plan is not cached: option noSubreaper$/);
      edited(bundle, (spec) => {
        spec.hostname = "other";
      });
      expect(await debug()).toMatch(/no cached plan is used: file .*\/config\.json is not as it was$/);
      edited(bundle, (spec) => Object.assign(spec, { hooks: { poststop: [{ path: "/bin/true" }] } }));
      expect(await debug()).toMatch(/config\.json is not as it was\n.*this plan is not cached: hooks$/);
    });

    test("namespaces to join", async () => {
      await using box = new Sandbox(subject);
      const { prefix } = subject.caller;
      const script = "echo up; exec sleep 1000";
      const holder = Bun.spawn(
        [...prefix, "unshare", "--user", "--map-root-user", "--net", "sh", "-c", script],
        {
          env: box.env,
          stdio: ["ignore", "pipe", "inherit"],
        },
      );
      try {
        await holder.stdout.getReader().read();
        const look = "readlink /proc/self/ns/user; readlink /proc/self/ns/net; cat /proc/self/uid_map";
        const bundle = await known(box, ["/bin/sh", "-c", look], (spec) => {
          const path = (name: string) => `/proc/${holder.pid}/ns/${name}`;
          spec.linux.namespaces = spec.linux.namespaces.filter(
            ({ type }) => type !== "user" && type !== "network",
          );
          spec.linux.namespaces.push(
            { type: "user", path: path("user") },
            { type: "network", path: path("net") },
          );
          delete spec.linux.uidMappings;
          delete spec.linux.gidMappings;
        });
        expect(await both(box, bundle)).toContain(readlinkSync(`/proc/${holder.pid}/ns/net`));
      } finally {
        holder.kill();
        await holder.exited;
      }
    });

    test.each(others)("with %s no plan is cached", async (_, edit) => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/true"];
        edit(spec, box);
      });
      await box.call(["run", "--bundle", bundle, box.name()]);
      expect(cachedPlans(box)).toEqual([]);
    });

    test.each([
      ["--detach", "--keep"],
      ["--keep"],
      ["--pid-file", "pid"],
      ["--no-subreaper"],
      ["--no-pivot"],
      ["--preserve-fds", "0"],
    ])("%s %s is not for the front", async (...flags) => {
      await using box = new Sandbox(subject);
      const bundle = await known(box, ["/bin/true"]);
      const id = box.name();
      const words = flags.filter(Boolean) as string[];
      expect((await call(box, ["run", ...words, "--bundle", bundle, id])).bun).toBe(true);
      if (box.known(id)) await box.ok(["delete", "--force", id]);
    });

    test.each(damages(24))("a file that is %s is not used", async (_, damage) => {
      await using box = new Sandbox(subject);
      const bundle = await known(box, ["/bin/true"]);
      const [file] = cachedPlans(box) as [string];
      const good = readFileSync(file);
      writeFileSync(file, damage(good));
      const { bun, code } = await call(box, ["run", "--bundle", bundle, box.name()]);
      expect([bun, code]).toEqual([true, 0]);
      expect(readFileSync(file).length).toBe(good.length);
      await front(box, ["run", "--bundle", bundle, box.name()]);
    });

    test.each(impostors)("%s in its place is not used, and is replaced", async (_, put) => {
      await using box = new Sandbox(subject);
      const bundle = await known(box, ["/bin/true"]);
      const [file] = cachedPlans(box) as [string];
      const good = readFileSync(file);
      put(file, subject.caller);
      const words = ["run", "--bundle", bundle, box.name()];
      const told = await box.call(["explain", "--cached", "--bundle", bundle]);
      expect([told.code, told.stderr]).toEqual([1, expect.stringContaining(file)]);
      const { bun, code } = await call(box, words, { globals: ["--debug"] });
      expect([bun, code]).toEqual([true, 0]);
      expect(readFileSync(file).length).toBe(good.length);
      await front(box, words);
    });

    test("brun killed before the new one has its name leaves the old one", async () => {
      await using box = new Sandbox(subject);
      const bundle = await known(box, ["/bin/true"]);
      const report = `${box.dir}/report`;
      const tool = compiled(`${import.meta.dir}/faults/fault.c`);
      const change = async (value: string, which: number) => {
        edited(bundle, (spec) => {
          spec.process.env = [...spec.process.env.filter((one) => !one.startsWith("X=")), `X=${value}`];
        });
        await Bun.sleep(SETTLED_MS);
        const under = [tool, report, "bun", `${which}`, "kill"];
        const words = ["run", "--bundle", bundle, box.name()];
        const { code } = await box.call(words, { under });
        const [calls = "", failed] = readFileSync(report, "utf8").split("\n");
        return {
          id: words.at(-1)!,
          code,
          calls: calls.trim().split(" ").map(Number),
          failed: Number(failed),
        };
      };
      // How often brun looks whether the stage has answered differs from run to run, and so the number of the call.
      let file = "";
      let good = Buffer.alloc(0);
      for (let failed = 0, tries = 0; failed !== NR.renameat2; tries++) {
        expect(tries).toBeLessThan(20);
        const { calls } = await change("a", 0);
        [file] = cachedPlans(box) as [string];
        good = readFileSync(file);
        const killed = await change("b", calls.lastIndexOf(NR.renameat2) + 1);
        failed = killed.failed;
        await box.call(["delete", "--force", killed.id]);
      }
      expect(readFileSync(file).equals(good)).toBe(true);
      edited(bundle, (spec) => {
        spec.process.env = spec.process.env.map((one) => (one === "X=b" ? "X=a" : one));
      });
      await front(box, ["run", "--bundle", bundle, box.name()]);
    });

    test("any bit of it may be wrong", async () => {
      await using box = new Sandbox(subject);
      const bundle = await known(box, ["/bin/true"]);
      const [file] = cachedPlans(box) as [string];
      const good = readFileSync(file);
      const header = Array.from({ length: 120 }, (_, at) => 8 * at + (at % 8));
      const others = Array.from({ length: 80 }, () => Math.floor(8 * good.length * Math.random()));
      for (const bit of [...header, ...others]) {
        const bytes = Buffer.from(good);
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        writeFileSync(file, bytes);
        const { bun, code, signal, stdout } = await call(box, ["run", "--bundle", bundle, box.name()]);
        expect({ bit, bun, code, signal, stdout }).toMatchObject({ bit, bun: true, code: 0, signal: null });
      }
    }, 120_000);

    test("a file or directory that others may write, or that is a link, is not used", async () => {
      await using box = new Sandbox(subject);
      const bundle = await known(box, ["/bin/true"]);
      const [file] = cachedPlans(box) as [string];
      const directory = `${box.state}/@run`;
      const byBun = async () =>
        (await call(box, ["run", "--rootless=auto", "--bundle", bundle, box.name()])) && false;
      expect(await byBun()).toBe(false);
      const bun = async () => (await call(box, ["run", "--bundle", bundle, box.name()])).bun;
      chmodSync(file, 0o620);
      expect(await bun()).toBe(true);
      expect(await bun()).toBe(false);
      chmodSync(directory, 0o770);
      expect(await bun()).toBe(true);
      chmodSync(directory, 0o700);
      expect(await bun()).toBe(false);
      const before = file.slice(directory.length + 1);
      renameSync(file, `${file}.real`);
      symlinkSync(`${file}.real`, file);
      expect(await bun()).toBe(true);
      renameSync(directory, `${box.state}/@other`);
      symlinkSync(`${box.state}/@other`, directory);
      expect(await bun()).toBe(true);
      expect(readdirSync(`${box.state}/@other`).sort()).toEqual([before, `${before}.real`]);
      rmSync(directory);
      renameSync(`${box.state}/@other`, directory);
      rmSync(`${file}.real`);
      expect(await bun()).toBe(false);
      if (!isRoot) return;
      chownSync(file, 0, 0);
      expect(await bun()).toBe(true);
    });

    test.skipIf(!isRoot)(
      "maps that the config does not give are those of the subordinate ids now",
      async () => {
        await using box = new Sandbox(subject);
        const bundle = await known(box, ["/bin/cat", "/proc/self/uid_map"], (spec) => {
          spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "user");
          delete spec.linux.uidMappings;
          delete spec.linux.gidMappings;
        });
        const [start] = subordinateRange(subject.caller, "/etc/subuid");
        const smaller = box.file("subuid", `${subject.caller.user}:${start}:1000\n`);
        const size = async (binds: Record<string, string>) => {
          const { stdout, bun } = await call(box, ["run", "--bundle", bundle, box.name()], { binds });
          return [/^\s*1\s+\d+\s+(\d+)$/m.exec(stdout)?.[1], bun];
        };
        const [whole] = await size({});
        expect(Number(whole)).toBeGreaterThan(1000);
        expect(await size({ [smaller]: "/etc/subuid" })).toEqual(["1000", true]);
        expect(await size({})).toEqual([whole, true]);
        expect(await size({})).toEqual([whole, false]);
      },
    );
  });
}

for (const subject of subjects(["brun"]).filter(({ caller }) => caller.uid === 0)) {
  test("the plans of root's containers are not cached", async () => {
    await using box = new Sandbox(subject);
    const bundle = box.bundle((spec) => {
      spec.process.args = ["/bin/true"];
    });
    await box.ok(["run", "--bundle", bundle, box.name()], { globals: ["--cgroup-manager=auto"] });
    expect(cachedPlans(box)).toEqual([]);
  });
}
