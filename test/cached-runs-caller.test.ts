/**
 * A `run` of a bundle that has been run before, by a caller to whom something else has happened meanwhile: limits, signals,
 * descriptors, files. What the front does is what Bun does.
 */
import { describe, expect, test } from "bun:test";
import {
  cpSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { both, cachedPlans, known, SETTLED_MS } from "./support/cached.ts";
import { isRoot, ownedDir, subordinateRange } from "./support/caller.ts";
import { BY_BUN, call, front, HAS_FRONT } from "./support/front.ts";
import { until } from "./support/processes.ts";
import { type Subject, subjects } from "./support/runtime.ts";
import { type CallOptions, type Outcome, Sandbox } from "./support/sandbox.ts";
import type { TestSpec } from "./support/spec.ts";

const users: Subject[] = subjects(["brun"]).filter(({ caller }) => caller.uid !== 0);

/** What Bun says when it does the same. */
async function likeBun(box: Sandbox, bundle: string, options: CallOptions): Promise<Outcome> {
  const outcome = async (more: readonly string[]): Promise<Outcome> => {
    const id = box.name();
    const globals = [...(options.globals ?? []), ...more];
    const { stderr, ...rest } = await box.call(["run", "--bundle", bundle, id], { ...options, globals });
    return { ...rest, stderr: stderr.replaceAll(id, "ID") };
  };
  const mine = await outcome([]);
  const bun = await outcome(BY_BUN.globals);
  expect(mine).toEqual(bun);
  return bun;
}

/** A shell that does something before it becomes the runtime. */
const after = (script: string): CallOptions => ({ under: ["sh", "-c", `${script}; exec "$@"`, "sh"] });

/** The same, as root in a mount namespace of its own. */
const inMounts = (script: string): CallOptions => ({
  under: ["unshare", "--mount", "sh", "-c", `${script}\nexec "$@"`, "sh"],
});

const withoutMaps = (spec: TestSpec): void => {
  spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "user");
  delete spec.linux.uidMappings;
  delete spec.linux.gidMappings;
};

for (const subject of users) {
  describe.if(HAS_FRONT)(subject.label, () => {
    test("an oom_score_adj and limits that have become the caller's since are told", async () => {
      await using box = new Sandbox(subject);
      const script = "cat /proc/self/oom_score_adj; ulimit -Hn";
      const bundle = await known(box, ["/bin/sh", "-c", script], (spec) => {
        spec.process.oomScoreAdj = 600;
        spec.process.rlimits = [{ type: "RLIMIT_NOFILE", hard: 512, soft: 256 }];
      });
      expect(await both(box, bundle)).toBe("600\n512\n");
      const adjusted = await likeBun(box, bundle, after("echo 700 >/proc/self/oom_score_adj"));
      // Whoever has raised it by himself may lower it again.
      expect(adjusted).toMatchObject({ stdout: "600\n512\n", stderr: "" });
      const limited = await likeBun(box, bundle, after("ulimit -n 300"));
      expect(limited.stdout).toBe("600\n300\n");
      expect(limited.stderr).toContain("RLIMIT_NOFILE");
      const again = await front(box, ["run", "--bundle", bundle, box.name()], after("ulimit -n 300"));
      expect(again).toMatchObject({ stdout: limited.stdout, stderr: limited.stderr });
      const logged = ["--log", `${box.dir}/log`, "run", "--bundle", bundle, box.name()];
      expect(await call(box, logged, after("ulimit -n 300"))).toMatchObject({ bun: true, code: 0 });
      expect(readFileSync(`${box.dir}/log`, "utf8")).toContain("RLIMIT_NOFILE");
      await box.ok(["run", "--bundle", bundle, box.name()]);
      expect(await both(box, bundle)).toBe("600\n512\n");
    });

    test("signals that the caller ignores or blocks, another session and group", async () => {
      await using box = new Sandbox(subject);
      const script =
        "[ -e /ready ] || { touch /ready; exit; }; grep -E '^(Sig|Umask)' /proc/self/status; exit 5";
      const bundle = await known(box, ["/bin/sh", "-c", script]);
      for (const options of [
        after("trap '' HUP INT TERM CHLD PIPE USR1"),
        { under: ["setsid", "--wait"] },
        { under: ["env", "--block-signal=TERM", "--ignore-signal=CHLD"] },
        { under: ["setpriv", "--no-new-privs"] },
        after("umask 077"),
        after("ulimit -c 0; ulimit -s 1024; ulimit -u 2000"),
      ]) {
        expect((await likeBun(box, bundle, options)).code).toBe(5);
      }
    });

    test.skipIf(!isRoot)("rights and namespaces that the caller has not had before", async () => {
      await using box = new Sandbox(subject);
      const look = "grep -E '^(Cap|Groups|NoNewPrivs)' /proc/self/status; cat /proc/self/gid_map; echo $$";
      const bundle = await known(box, ["/bin/sh", "-c", look]);
      const { uid, gid, prefix } = subject.caller;
      const user = ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"];
      const result = (under: readonly string[], globals: readonly string[]) => {
        const argv = box.argv(["run", "--bundle", bundle, box.name()], { globals }).slice(prefix.length);
        const { exitCode, stdout, stderr } = Bun.spawnSync([...under, ...argv], { env: box.env });
        return { under, exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
      };
      for (const under of [
        user,
        [...user, "--inh-caps=+setuid,+setgid", "--ambient-caps=+setuid,+setgid"],
        [...user, "--inh-caps=+kill", "--ambient-caps=+kill"],
        [...user, "--inh-caps=+kill"],
        [...user, "--securebits=+noroot,+no_setuid_fixup"],
        ["setpriv", `--reuid=${uid}`, "--regid=65533", "--clear-groups"],
        ["setpriv", `--euid=${uid}`, `--regid=${gid}`, "--clear-groups"],
        ["unshare", "--pid", "--fork", ...user],
        ["unshare", "--net", "--ipc", "--uts", "--cgroup", ...user],
      ]) {
        const mine = result(under, []);
        expect(mine).toEqual(result(under, BY_BUN.globals));
        expect(result(user, []).exitCode).toBe(0);
      }
    });

    test.skipIf(!isRoot)("subordinate ids that are not in files are asked for each time", async () => {
      await using box = new Sandbox(subject);
      const [start] = subordinateRange(subject.caller, "/etc/subuid");
      const nsswitch = box.file("nsswitch.conf", "subid: nowhere\n");
      const getsubids = box.file("getsubids", `#!/bin/sh\necho "0: x ${start} 1000"\n`, 0o755);
      const binds = { [nsswitch]: "/etc/nsswitch.conf", [getsubids]: "/usr/bin/getsubids" };
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/cat", "/proc/self/uid_map"];
        withoutMaps(spec);
      });
      const { code, stdout } = await box.call(["run", "--bundle", bundle, box.name()], { binds });
      expect(code).toBe(0);
      expect(stdout).toMatch(/^\s*1\s+\d+\s+1000$/m);
      expect(cachedPlans(box)).toEqual([]);
    });

    test.skipIf(!isRoot)("newuidmap that only PATH has", async () => {
      await using box = new Sandbox(subject);
      const helpers = ownedDir({ ...subject.caller, uid: 0, gid: 0 }, `${box.dir}/helpers`);
      const { under } = inMounts(
        `for name in newuidmap newgidmap; do cp -p /usr/bin/$name ${helpers}; mount --bind /dev/null /usr/bin/$name; done; sleep 0.1`,
      );
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/cat", "/proc/self/uid_map"];
        withoutMaps(spec);
      });
      const env = { PATH: `${helpers}:/usr/bin:/bin` };
      for (let i = 0; i < 2; i++) {
        const outcome = await box.call(["run", "--bundle", bundle, box.name()], { under: under!, env });
        expect(outcome).toMatchObject({ code: 0, stderr: "" });
      }
      expect(cachedPlans(box)).toHaveLength(1);
      const elsewhere = await box.call(["run", "--bundle", bundle, box.name()], {
        under: under!,
        env: { PATH: "/usr/bin:/bin" },
      });
      expect(elsewhere.stdout).toMatch(/^\s*0\s+\d+\s+1\n$/);
    });

    test("a source that has become a link, which is to be copied", async () => {
      await using box = new Sandbox(subject);
      const source = box.file("source", "text");
      const target = box.file("target", "other");
      const bundle = await known(box, ["/bin/sh", "-c", "readlink /copied; cat /copied"], (spec) => {
        spec.root.readonly = false;
        spec.mounts.push({ destination: "/copied", type: "bind", source, options: ["bind", "copy-symlink"] });
      });
      rmSync(source);
      symlinkSync(target, source);
      rmSync(`${bundle}/rootfs/copied`, { force: true });
      const { stdout } = await box.call(["run", "--bundle", bundle, box.name()]);
      expect(stdout).toBe(`${target}\n`);
    });

    test.each([
      ["a byte order mark", (text: string) => Buffer.from(`\ufeff${text}`)],
      [
        "long arguments",
        (text: string) =>
          Buffer.from(
            text.replace(
              '"MARK"',
              Array(9)
                .fill(`"${"x".repeat(20_000)}"`)
                .join(),
            ),
          ),
      ],
    ])("a config with %s", async (_, change) => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sh", "-c", 'echo "$*" | wc -c', "sh", "MARK"];
        spec.process.env.push("GRÖSSE=größe");
      });
      const file = `${bundle}/config.json`;
      writeFileSync(file, change(readFileSync(file, "utf8")));
      const sizes = [];
      for (let i = 0; i < 3; i++)
        sizes.push((await box.call(["run", "--bundle", bundle, box.name()])).stdout);
      sizes.push((await box.call(["run", "--bundle", bundle, box.name()], BY_BUN)).stdout);
      expect(sizes[0]).toMatch(/^\d+\n$/);
      expect(new Set(sizes).size).toBe(1);
    });

    test("ids of any length, and a bundle by a path with letters of its own", async () => {
      await using box = new Sandbox(subject);
      const plain = await known(box, ["/bin/true"]);
      const bundle = `${box.dir}/größe ✓`;
      renameSync(plain, bundle);
      await Bun.sleep(SETTLED_MS);
      await box.ok(["run", "--bundle", bundle, box.name()]);
      const long = box.name().padEnd(255, "x");
      for (const id of [long, "x", long.slice(1), `${long.slice(0, 250)}.+-_`]) {
        expect((await front(box, ["run", "--bundle", bundle, id])).code).toBe(0);
        expect(box.containers()).toEqual([]);
      }
      const longer = await call(box, ["run", "--bundle", bundle, `${long}x`]);
      expect([longer.bun, longer.code]).toEqual([true, 1]);
      expect(longer.stderr).toContain("name too long");
    });

    test("a link to the bundle that leads elsewhere now", async () => {
      await using box = new Sandbox(subject);
      const bundles = await Promise.all(["one", "two"].map((word) => known(box, ["/bin/echo", word])));
      const link = `${box.dir}/link`;
      const says = async () => (await box.ok(["run", "--bundle", link, box.name()])).trim();
      for (const index of [0, 0, 1, 1, 0]) {
        rmSync(link, { force: true });
        symlinkSync(bundles[index]!, link);
        expect(await says()).toBe(["one", "two"][index]!);
      }
      // The same config, another root.
      writeFileSync(`${bundles[0]}/config.json`, readFileSync(`${bundles[1]}/config.json`));
      expect(await says()).toBe("two");
      expect(await says()).toBe("two");
      rmSync(link);
      symlinkSync(bundles[1]!, link);
      rmSync(`${bundles[0]}/rootfs`, { recursive: true });
      expect(await says()).toBe("two");
    });

    test("a plan is good for another state directory, which it does not name", async () => {
      await using box = new Sandbox(subject);
      const bundle = await known(box, ["/bin/sh", "-c", "[ -e /ready ] && exit 6; touch /ready"]);
      const other = ownedDir(subject.caller, `${box.dir}/other`);
      cpSync(`${box.state}/@run`, `${other}/@run`, { recursive: true });
      if (isRoot) Bun.spawnSync(["chown", "-R", `${subject.caller.uid}:${subject.caller.gid}`, other]);
      const { code, bun } = await call(box, ["--root", other, "run", "--bundle", bundle, box.name()]);
      expect([code, bun]).toEqual([6, false]);
      expect(readdirSync(other)).toEqual(["@run"]);
      expect(box.containers()).toEqual([]);
    });

    test("--log is made, and stays empty", async () => {
      await using box = new Sandbox(subject);
      const bundle = await known(box, ["/bin/true"]);
      for (const by of [[], BY_BUN.globals]) {
        const log = `${box.dir}/${box.name()}.log`;
        const globals = ["--log", log, "--log-format", "json", ...by];
        const { code, stderr } = await box.call(["run", "--bundle", bundle, box.name()], { globals });
        expect([code, stderr, statSync(log).size, statSync(log).mode & 0o777]).toEqual([0, "", 0, 0o644]);
      }
      const globals = ["--log", "/nowhere/log"];
      expect((await likeBun(box, bundle, { globals })).code).toBe(1);
    });

    test("few descriptors, no room for files", async () => {
      await using box = new Sandbox(subject);
      const bundle = await known(box, ["/bin/true"]);
      for (let limit = 3; limit < 24; limit++) {
        const id = box.name();
        const outcome = await box.call(["run", "--bundle", bundle, id], after(`ulimit -n ${limit}`));
        if (limit > 20) expect(outcome.code).toBe(0);
        await box.untilGone(id);
      }
      const id = box.name();
      const argv = ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", ...box.argv(["run", "--bundle", bundle, id])];
      const { exitCode, stderr } = Bun.spawnSync(argv, { env: box.env });
      expect([exitCode, stderr.toString()]).toEqual([
        1,
        expect.stringMatching(/too large|EFBIG|cannot load/),
      ]);
      await box.untilGone(id);
    });

    test.skipIf(!isRoot)("a state directory that is full, or has room for some of it", async () => {
      await using box = new Sandbox(subject);
      const bundle = await known(box, ["/bin/echo", "ran"]);
      const { uid, gid } = subject.caller;
      const full = (room: number): CallOptions =>
        inMounts(`
          mount -t tmpfs -o size=256k,mode=700,uid=${uid},gid=${gid} tmpfs ${box.state}
          cp -a ${box.dir}/saved ${box.state}/@run
          dd if=/dev/zero of=${box.state}/filler bs=4096 2>/dev/null
          truncate -s -${room * 4096} ${box.state}/filler`);
      cpSync(`${box.state}/@run`, `${box.dir}/saved`, { recursive: true });
      Bun.spawnSync(["chown", "-R", `${uid}:${gid}`, `${box.dir}/saved`]);
      const codes = [];
      for (let room = 0; room < 6; room++) codes.push((await likeBun(box, bundle, full(room))).code);
      expect(codes).toEqual(expect.arrayContaining([0, 1]));
    });

    test("the state directory goes while the container runs, or the container is deleted and made again", async () => {
      await using box = new Sandbox(subject);
      const script = "[ -e /ready ] || { touch /ready; exit; }; echo up; read line; exit 9";
      const bundle = await known(box, ["/bin/sh", "-c", script], (spec) => {
        spec.root.readonly = false;
      });
      const id = box.name();
      const fifo = `${box.dir}/fifo`;
      Bun.spawnSync(["mkfifo", "-m", "666", fifo]);
      const start = async () => {
        const running = box.spawn(["run", "--bundle", bundle, id], after(`exec <>${fifo}`));
        await until("it is up", () => running.stdout().includes("up"));
        return running;
      };
      const gone = await start();
      renameSync(box.state, `${box.state}.old`);
      rmSync(`${box.state}.old`, { recursive: true });
      writeFileSync(fifo, "\n");
      expect((await gone.done).code).toBe(9);
      await box.ok(["run", "--bundle", bundle, box.name()], { stdin: "\n" }).catch(() => "");
      const deleted = await start();
      await box.ok(["delete", "--force", id]);
      await box.ok(["run", "--detach", "--bundle", bundle, id], after(`exec <>${fifo}`));
      expect((await deleted.done).code).toBe(137);
      expect((await box.inspect(id)).status).toBe("running");
    });

    test("deleted at any moment by others, it ends or goes on, and nothing is left", async () => {
      await using box = new Sandbox(subject);
      const bundle = await known(box, ["/bin/sleep", "0.2"]);
      for (let i = 0; i < 25; i++) {
        const id = box.name();
        const running = box.spawn(["run", "--bundle", bundle, id]);
        await Bun.sleep(i / 3);
        await box.ok(["delete", "--force", id]);
        const { code, stderr } = await running.done;
        if (code !== 0 && code !== 137) expect(stderr).toMatch(/^brun: /);
        await box.untilGone(id);
      }
    });

    test("another runtime directory has containers of its own", async () => {
      await using box = new Sandbox(subject);
      const bundle = await known(box, ["/bin/true"]);
      const runs = async (directory: string) => {
        const argv = box.argv(["run", "--bundle", bundle, box.name()]);
        argv.splice(argv.indexOf("--root"), 2);
        const env = { ...box.env, XDG_RUNTIME_DIR: directory };
        expect(Bun.spawnSync(argv, { env, stdin: null }).exitCode).toBe(0);
        return readdirSync(`${directory}/brun`);
      };
      const [one, two] = ["one", "two"].map((name) => ownedDir(subject.caller, `${box.dir}/${name}`, 0o700));
      for (const directory of [one!, two!, one!]) expect(await runs(directory)).toEqual(["@run"]);
    });
  });
}
