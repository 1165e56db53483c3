/**
 * Arguments, variables and paths are bytes: what is not UTF-8 comes out as it went in, by Bun and by the front
 * (nsenter/front), and where it cannot, because it would have to be in JSON, it is refused by name.
 */
import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { HEX, hex, inBytes } from "./support/bytes.ts";
import { host } from "./support/caller.ts";
import { BY_BUN } from "./support/front.ts";
import { until } from "./support/processes.ts";
import { runtimeArgv, subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";

/** No text, half of a character, a surrogate in UTF-8, an overlong slash, a byte order mark, nothing, lines, text. */
const WORDS = [
  "f\\xff",
  "\\xe2\\x82",
  "\\xed\\xa0\\x80",
  "\\xc0\\xaf",
  "\\xef\\xbb\\xbfx",
  "",
  "a\nb\n",
  "größe😀",
];
const BYTES = "d\\xff\\xfe";

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  /** A directory with such a name beside the one that it must not be taken for; and its path with the bytes written out. */
  function directory(box: Sandbox): string {
    const right = `${box.dir}/${BYTES}`;
    const wrong = `${box.dir}/d\ufffd\ufffd`;
    const make = 'd=$(printf %b "$1"); mkdir "$d" "$2"; touch "$d/right" "$2/wrong"; chown -R "$3" "$d" "$2"';
    host("bash", "-c", make, "bash", right, wrong, `${caller.uid}:${caller.gid}`);
    return right;
  }

  /** What is in that directory. */
  const inside = (path: string) =>
    host("bash", "-c", 'ls -A "$(printf %b "$1")"', "bash", path).split("\n").filter(Boolean);

  describe(subject.label, () => {
    test("unshare: arguments, environment and directory, and the file that is meant", async () => {
      await using box = new Sandbox(subject);
      const cwd = directory(box);
      const under = inBytes(["V=\\xff", "\\xffN=1", "TWO=ü\\xfc"], cwd);
      const script = `${HEX}; hex "$V" "$TWO" "$@"; ls; tr '\\0' '\\n' </proc/$$/environ | grep -ac N=1`;
      const words = ["unshare", "--", "sh", "-c", script.replaceAll("\\", "\\\\"), "sh", ...WORDS];
      expect(await box.ok(words, { under })).toBe(`${hex("\\xff", "ü\\xfc", ...WORDS)}right\n1\n`);
      await box.ok(["unshare", "--", "rm", `${BYTES}/right`], { under: inBytes() });
      expect(inside(cwd)).toEqual([]);
      expect(inside(`${box.dir}/d\ufffd\ufffd`)).toEqual(["wrong"]);
    });

    test("a program in a directory of PATH with such a name", async () => {
      await using box = new Sandbox(subject);
      const path = directory(box);
      host("bash", "-c", 'cp /bin/true "$(printf %b "$1")/prog"', "bash", path);
      const under = inBytes([`PATH=${path}:/usr/bin:/bin`, `SHELL=${path}/prog`]);
      await box.ok(["unshare", "--", "prog"], { under });
      await box.ok(["unshare"], { under });
      await box.ok(["run", "--host", "--", "prog"], { under });
      const missing = await box.call(["unshare", "--", "\\xff"], { under });
      expect(missing.stderr).toBe('brun: exec: "\\xff": executable file not found in $PATH\n');
    });

    test("--host: directory, arguments, environment, -e, --env-file", async () => {
      await using box = new Sandbox(subject);
      const cwd = directory(box);
      host("bash", "-c", 'printf "F=\\\\xff\\n" >"$(printf %b "$1")/env"', "bash", cwd);
      const script = `${HEX}; hex "$V" "$E" "$F" "$(pwd)" "$@"; ls`.replaceAll("\\", "\\\\");
      const flags = ["-e", "E=e\\xff", "--env-file", `../${BYTES}/env`];
      const { stdout, stderr } = await box.call(
        ["run", "--host", ...flags, "--", "sh", "-c", script, "sh", ...WORDS],
        { under: inBytes(["V=\\xff", "\\xff\\xff=1"], cwd) },
      );
      expect(stderr).toBe("");
      expect(stdout).toBe(`${hex("\\xff", "e\\xff", "\\xff", cwd, ...WORDS)}env\nright\n`);
      await box.untilGone();
    });

    test("--host: -v, -w, --rw, --upper, --pid-file, --log", async () => {
      await using box = new Sandbox(subject);
      const path = directory(box);
      const run = (flags: string[], script: string, globals: string[] = []) =>
        box.call(["run", "--host", ...flags, "--", "sh", "-c", script], { under: inBytes(), globals });
      const mounted = await run(["-v", `${path}:/mnt/${BYTES}`, "-w", `/mnt/${BYTES}`], "ls; touch new");
      expect(mounted.stderr + mounted.stdout).toBe("right\n");
      expect(inside(path)).toEqual(["new", "right"]);
      await run(["--rw", path, "-w", path], "touch rw");
      await run(["--upper", `${path}/upper`, "-w", box.dir], "echo kept >kept");
      await run(["--pid-file", `${path}/pid`], "true");
      await run(["-v", `${path}:/dev`, "--overlay", "nonsense"], "true", [
        "--log",
        `${path}/log`,
        "--log-format",
        "json",
      ]);
      expect(inside(path)).toEqual(["log", "new", "pid", "right", "rw", "upper"]);
      expect(inside(`${box.dir}/d\ufffd\ufffd`)).toEqual(["wrong"]);
      await box.untilGone();
    });

    test("--host --detach --rm starts itself again with the same bytes", async () => {
      await using box = new Sandbox(subject);
      const path = directory(box);
      const script = `${HEX}; hex "$V" "$@" >/out/got.part; mv /out/got.part /out/got`.replaceAll(
        "\\",
        "\\\\",
      );
      const args = [
        "run",
        "--host",
        "-d",
        "--rm",
        "-v",
        `${path}:/out`,
        "--",
        "sh",
        "-c",
        script,
        "sh",
        ...WORDS,
      ];
      await box.ok(args, { under: inBytes(["V=\\xff"]) });
      await until("it has been got", () => inside(path).includes("got"));
      expect(host("bash", "-c", 'cat "$(printf %b "$1")/got"', "bash", path)).toBe(hex("\\xff", ...WORDS));
      await box.untilGone();
    });

    test("exec: by Bun and by the front", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      await box.ok(["exec", id, "mkdir", `/tmp/${BYTES}`], { under: inBytes() });
      const words = ["sh", "-c", `${HEX}; hex "$@"`.replaceAll("\\", "\\\\"), "sh", ...WORDS];
      for (const how of [{}, BY_BUN]) {
        expect(await box.ok(["exec", id, ...words], { under: inBytes(), ...how })).toBe(hex(...WORDS));
        const missing = await box.call(["exec", id, "p\\xff"], { under: inBytes(), ...how });
        expect(missing.stderr).toContain(': exec: "p\\xff": executable file not found in $PATH\n');
      }
      const script = `${HEX}; hex "$E" "$(pwd)"`.replaceAll("\\", "\\\\");
      const flags = ["-e", "E=e\\xff", "--cwd", `/tmp/${BYTES}`, "--pid-file", `${box.dir}/${BYTES}.pid`];
      const outcome = await box.ok(["exec", ...flags, id, "sh", "-c", script], { under: inBytes() });
      expect(outcome).toBe(hex("e\\xff", `/tmp/${BYTES}`));
      expect(inside(box.dir).some((name) => name.includes("\ufffd\ufffd.pid"))).toBe(true);
    });

    test("random words by exec, by Bun and by the front, and by unshare", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      const byte = fc.integer({ min: 1, max: 255 }).map((n) => `\\x${n.toString(16).padStart(2, "0")}`);
      const word = fc.array(byte, { maxLength: 12 }).map((bytes) => bytes.join(""));
      const script = `${HEX}; hex "$@"`.replaceAll("\\", "\\\\");
      const words = fc.sample(word, { numRuns: 40, seed: 13 });
      const argv = ["sh", "-c", script, "sh", ...words];
      for (const command of [
        ["exec", id],
        ["unshare", "--"],
      ]) {
        for (const how of [{}, BY_BUN])
          expect(await box.ok([...command, ...argv], { under: inBytes(), ...how })).toBe(hex(...words));
      }
    });

    test("HOME from the image's passwd", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sh", "-c", `${HEX}; hex "$HOME"; sleep 1000`];
      });
      const passwd = Buffer.from("ro\xffot:x:0:0::/h\xff:/bin/sh\n", "latin1");
      writeFileSync(`${bundle}/rootfs/etc/passwd`, passwd);
      const running = box.spawn(["run", "--bundle", bundle, box.name()]);
      await until("a line", () => running.stdout().includes("\n"));
      expect(running.stdout()).toBe(hex("/h\\xff"));
      const [id] = box.containers();
      for (const how of [{}, BY_BUN])
        expect(await box.ok(["exec", id!, "sh", "-c", `${HEX}; hex "$HOME"`], how)).toBe(hex("/h\\xff"));
      running.kill("SIGKILL");
      await box.ok(["delete", "--force", id!]);
    });

    test("--root and XDG_RUNTIME_DIR: a container's whole life, by Bun and by the front", async () => {
      await using box = new Sandbox(subject);
      const path = directory(box);
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sleep", "1000"];
      });
      const under = inBytes([`XDG_RUNTIME_DIR=${path}`]);
      const lives: [root: string[], name: string][] = [[["--root", `${path}/state`], "state"]];
      if (caller.uid !== 0) lives.push([[], "brun"]);
      for (const [root, name] of lives) {
        const call = (globals: readonly string[], ...args: string[]) => {
          const argv = [...under, ...runtimeArgv(subject), ...root, ...globals, ...args];
          // What a container has for its output would never come to its end.
          const output = args[0] === "create" ? "ignore" : "pipe";
          const { stdout, status } = spawnSync(argv[0]!, argv.slice(1), {
            env: box.env,
            encoding: "utf8",
            stdio: ["ignore", output, "inherit"],
          });
          expect([args[0], status]).toEqual([args[0], 0]);
          return stdout;
        };
        for (const globals of [[], BY_BUN.globals]) {
          const id = box.name();
          call(globals, "create", "--bundle", bundle, id);
          call(globals, "start", id);
          call(globals, "exec", id, "true");
          call(globals, "kill", id, "KILL");
          expect(call(globals, "list", "--quiet")).toBe(`${id}\n`);
          expect(JSON.parse(call(globals, "state", id)).id).toBe(id);
          call(globals, "delete", "--force", id);
          expect(call(globals, "list", "--quiet")).toBe("");
        }
        expect(inside(path)).toContain(name);
      }
      expect(inside(`${box.dir}/d\ufffd\ufffd`)).toEqual(["wrong"]);
    });

    test("a bundle whose path has such bytes is refused by name, and a link to it is not", async () => {
      await using box = new Sandbox(subject);
      const path = directory(box);
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/echo", "ran"];
      });
      host("bash", "-c", 'cp -a "$2/." "$(printf %b "$1")"', "bash", path, bundle);
      const why = "has bytes that are not UTF-8, which the container's state, JSON, cannot hold";
      const line = `brun: the bundle's path ${path} ${why}; hint: rename it, or make a symbolic link to it\n`;
      for (const args of [["run"], ["create"], ["run", "--detach"], ["explain"]]) {
        const given = await box.call([...args, "--bundle", path, box.name()], { under: inBytes() });
        expect([args, given.code, given.stderr]).toEqual([args, 1, line]);
        const current = await box.call([...args, box.name()], { under: inBytes([], path) });
        expect([args, current.code, current.stderr]).toEqual([args, 1, line]);
      }
      const rootfs = await box.call(["run", "--rootfs", path, "--", "true"], { under: inBytes() });
      expect(rootfs.stderr).toStartWith(`brun: --rootfs: ${path} ${why};`);
      expect(box.containers()).toEqual([]);
      host("bash", "-c", 'ln -s "$(printf %b "$1")" "$2"', "bash", path, `${box.dir}/link`);
      for (let i = 0; i < 3; i++)
        expect(await box.ok(["run", "--bundle", `${box.dir}/link`, box.name()])).toBe("ran\n");
      const linked = ["run", "--rootfs", `${box.dir}/link/rootfs`, "--", "/bin/echo", "ran"];
      expect(await box.ok(linked)).toBe("ran\n");
      // Its config alone may be there.
      const config = ["--config", `${path}/config.json`];
      expect(await box.ok(["run", "--bundle", bundle, ...config, box.name()], { under: inBytes() })).toBe(
        "ran\n",
      );
    });

    test("JSON that is not UTF-8 is refused with the place", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/echo", "MARK"];
      });
      const file = `${bundle}/config.json`;
      const text = readFileSync(file, "utf8");
      const at = text.slice(0, text.indexOf("MARK")).split("\n");
      const place = `line ${at.length}, column ${at.at(-1)!.length + 1}`;
      writeFileSync(file, Buffer.from(text.replace("MARK", "\xff"), "latin1"));
      const raw = await box.call(["run", "--bundle", bundle, box.name()]);
      expect([raw.code, raw.stderr]).toEqual([
        1,
        `brun: ${file}: ${place}: expected UTF-8 but found the byte 0xff\n`,
      ]);
      writeFileSync(file, text.replace("MARK", "\\udcff"));
      const half = await box.call(["run", "--bundle", bundle, box.name()]);
      expect(half.stderr).toBe(`brun: ${file}: process.args[1]: has half of a surrogate pair\n`);
      writeFileSync(file, text.replace("MARK", "\\ud83d\\ude00"));
      expect(await box.ok(["run", "--bundle", bundle, box.name()])).toBe("😀\n");
      const id = await box.detached();
      const process = box.file("process.json", "");
      writeFileSync(process, Buffer.from('{"cwd":"/","args":["\xff"]}', "latin1"));
      const exec = await box.call(["exec", "--process", process, id]);
      expect([exec.code, exec.stderr]).toEqual([
        255,
        `brun: ${process}: line 1, column 21: expected UTF-8 but found the byte 0xff\n`,
      ]);
    });

    test("what is for others to read is text: --print-config, logs, explain", async () => {
      await using box = new Sandbox(subject);
      const under = inBytes();
      const config = await box.call(["run", "--host", "--print-config", "--", "ls", "\\xff"], { under });
      expect([config.code, config.stdout, config.stderr]).toEqual([
        1,
        "",
        "brun: process.args[1] has bytes that are not UTF-8, which JSON cannot hold\n",
      ]);
      const log = `${box.dir}/log`;
      const globals = ["--log", log, "--log-format", "json"];
      const failed = await box.call(["run", "--bundle", `${box.dir}/n\\xff`, "x"], { under, globals });
      const { msg, path } = JSON.parse(readFileSync(log, "utf8"));
      expect(path).toBe(`${box.dir}/n\\xff/config.json`);
      expect(failed.stderr).toBe(`brun: ${msg}\n`);
      const text = await box.ok(
        ["explain", "--host", "--tmpfs", "/\\xff", "-w", "/\\xff", "--syscalls", "--", "ls"],
        { under },
      );
      expect(text).toContain('"/\\xff"');
      expect(text).not.toContain("\ufffd");
      const json = await box.call(
        ["explain", "--host", "--tmpfs", "/\\xff", "-w", "/\\xff", "--json", "--", "ls"],
        { under },
      );
      expect(json.stderr).toBe(
        "brun: spec.process.cwd has bytes that are not UTF-8, which JSON cannot hold\n",
      );
    });
  });
}
