/** The command line as a user types it: exit codes, one line on stderr, nothing on stdout when it fails. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync("/tmp/brun-cli-");
});
afterAll(() => rmSync(dir, { recursive: true }));

async function brun(...args: string[]) {
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/main.ts`, ...args], {
    cwd: dir,
    env: { ...process.env, XDG_RUNTIME_DIR: dir },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, stdout, stderr };
}

describe("refusals", () => {
  const missing = 'brun: container "nope": container does not exist\n';
  test.concurrent.each([
    [
      ["foo"],
      3,
      "brun: unknown command \"foo\": No help topic for 'foo'; hint: `brun --help` lists the commands\n",
    ],
    [["foo", "-h"], 3, "No help topic for 'foo'"],
    [["help", "foo"], 3, "No help topic for 'foo'"],
    [["--foo"], 1, "brun: flag provided but not defined: --foo; hint: see brun --help\n"],
    [["spec", "x"], 1, 'brun: "spec" requires exactly 0 argument(s); hint: usage: brun spec [flags]\n'],
    [["features", "x"], 1, 'brun: "features" requires exactly 0 argument(s)'],
    [["list", "x"], 1, 'brun: "list" requires exactly 0 argument(s)'],
    [
      ["run"],
      1,
      "hint: in a copy of this machine: brun run --host -- sh; from an image: brun run --image NAME\n",
    ],
    [
      ["run", "ls", "-l"],
      1,
      "brun: run: ls -l is not the id of a container; hint: in a copy of this machine: brun",
    ],
    [["run", "--rm", "sh", "-c", "a b"], 1, "brun run --host --rm -- sh -c 'a b'\n"],
    [["run", "--bundle", ".", "a", "b"], 1, 'brun: "run" requires exactly 1 argument(s)'],
    [["env", "-i"], 3, "brun run --host -- env -i\n"],
    [["--host", "ls"], 1, "hint: flags stand after the command: brun run --host -- ls\n"],
    [["create", "a", "b"], 1, 'brun: "create" requires exactly 1 argument(s)'],
    [["exec"], 1, 'brun: "exec" requires a minimum of 1 argument(s)'],
    [["exec", "a"], 255, "brun: exec args cannot be empty"],
    [["kill", "a", "TERM", "b"], 1, 'brun: "kill" requires a maximum of 2 argument(s)'],
    [["kill", "a", "FOO"], 1, 'brun: unknown signal "FOO"'],
    [["list", "-f", "xml"], 1, "brun: invalid format option"],
    [["ps", "-f", "xml", "a"], 1, "brun: invalid format option"],
    [["diff", "-f", "xml", "a"], 1, "brun: invalid format option"],
    [["apply", "-f", "xml", "a"], 1, "brun: invalid format option"],
    [["sandbox", "list", "-f", "xml"], 1, "brun: invalid format option"],
    [["image"], 1, "brun: image: the action is missing; hint: pull, push, list,"],
    [
      ["image", "pul", "x"],
      1,
      'there is no action "pul"; hint: did you mean `brun image pull x`? there are pull,',
    ],
    [["sandbox", "lst"], 1, 'there is no action "lst"; hint: did you mean `brun sandbox list`?'],
    [["seccomp", "rec", "x"], 1, "hint: did you mean `brun seccomp record x`? record is the only one\n"],
    [["seccomp", "record"], 1, '"seccomp record" requires exactly 1 argument(s)'],
    [["--log-format", "xml", "list"], 1, "brun: invalid log-format: xml"],
    [
      ["--log", "/nonexistent/log", "list"],
      1,
      "brun: --log /nonexistent/log cannot be written: no such file or directory (ENOENT); hint: make its directory: mkdir -p /nonexistent\n",
    ],
    [["--log", "journald:", "list"], 1, "brun: --log journald:: brun writes its log to files only"],
    [["--root", "/", "list"], 1, "brun: --root must not be the root directory, /"],
    [["--root", "/nonexistent", "list"], 1, "/nonexistent: no such file or directory"],
    [["--rootless", "maybe", "list"], 1, 'brun: invalid value "maybe" for flag --rootless'],
    [["--cgroup-manager", "x", "list"], 1, 'brun: invalid value "x" for flag --cgroup-manager'],
    [["--systemd-cgroup", "--cgroup-manager", "cgroupfs", "list"], 1, "exclude each other"],
    [["--root", ".", "state", "nope"], 1, missing],
    [["--root", ".", "start", "nope"], 1, missing],
    [["--root", ".", "kill", "nope"], 1, missing],
    [["--root", ".", "delete", "nope"], 1, missing],
    [["--root", ".", "ps", "nope"], 1, missing],
    [["--root", ".", "exec", "nope", "ls"], 255, missing],
    [["--root", ".", "delete", "--regex", "("], 1, 'brun: "(" is not a regular expression'],
  ] as const)("%j", async (args, code, line) => {
    const result = await brun(...args);
    expect(result.stderr).toContain(line);
    expect(result.stderr.split("\n")).toHaveLength(2);
    expect(result).toMatchObject({ code, stdout: "" });
  });
});

describe("answers", () => {
  test.concurrent.each([[[]], [["-h"]], [["--help"]], [["help"]], [["h"]]])(
    "general help: %j",
    async (args) => {
      const { code, stdout, stderr } = await brun(...args);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toStartWith("NAME:\n   brun - ");
    },
  );

  test.concurrent.each([[["help", "run"]], [["run", "-h"]], [["run", "x", "--help"]]])(
    "help: %j",
    async (args) => {
      const { code, stdout } = await brun(...args);
      expect(code).toBe(0);
      expect(stdout).toStartWith("NAME:\n   brun run - ");
    },
  );

  test.concurrent.each(["-v", "--version"])("%s", async (flag) => {
    const { code, stdout } = await brun(flag);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^brun version \d+\.\d+\.\d+\n(commit: \S+\n)?spec: 1\.3\.0\nbun: [\d.]+\n/);
  });

  test.concurrent("list of nothing", async () => {
    const { code, stdout } = await brun("--root", ".", "list");
    expect(code).toBe(0);
    expect(stdout).toBe("ID          PID         STATUS      BUNDLE      CREATED     OWNER\n");
    expect((await brun("--root", ".", "list", "-q")).stdout).toBe("");
    expect((await brun("--root", ".", "list", "--format=json")).stdout).toBe("null\n");
  });

  test.concurrent("deleting what does not exist, with force", async () => {
    expect(await brun("--root", ".", "delete", "-f", "nope")).toEqual({ code: 0, stdout: "", stderr: "" });
    expect((await brun("--root", ".", "delete", "--regex", "nope")).code).toBe(0);
  });

  test.concurrent("spec writes once", async () => {
    expect(await brun("spec", "--rootless")).toEqual({ code: 0, stdout: "", stderr: "" });
    const text = readFileSync(`${dir}/config.json`, "utf8");
    expect(JSON.parse(text).linux.uidMappings).toHaveLength(1);
    const again = await brun("spec", "-b", dir);
    expect(again.code).toBe(1);
    expect(again.stderr).toBe(`brun: File ${dir}/config.json exists. Remove it first\n`);
    expect(readFileSync(`${dir}/config.json`, "utf8")).toBe(text);
    expect((await brun("spec", "--bundle", "nowhere")).stderr).toContain("nowhere/config.json: no such file");
    expect(existsSync(`${dir}/nowhere`)).toBe(false);
  });

  test.concurrent("errors go to the log file as well", async () => {
    const { stderr } = await brun(
      "--log",
      "log.json",
      "--log-format",
      "json",
      "--root",
      ".",
      "state",
      "nope",
    );
    expect(stderr).toBe('brun: container "nope": container does not exist\n');
    const { level, msg, time } = JSON.parse(readFileSync(`${dir}/log.json`, "utf8"));
    expect({ level, msg }).toEqual({ level: "error", msg: 'container "nope": container does not exist' });
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  });

  test.concurrent("JSON without a log file goes to stderr", async () => {
    const { stderr } = await brun("--log-format", "json", "--debug", "--root", ".", "state", "nope");
    const lines = stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ level }) => level)).toEqual(["debug", "error", "debug"]);
    expect(lines[1].msg).toBe('container "nope": container does not exist');
  });

  test.concurrent("--debug adds the stack", async () => {
    const { stderr } = await brun("--debug", "--root", ".", "state", "nope");
    expect(stderr).toStartWith(`[debug] state directory ${dir}\n`);
    expect(stderr).toContain('brun: container "nope": container does not exist\n');
    expect(stderr).toMatch(/\[debug\] BrunError: .*\n {4}at /);
  });

  test.concurrent("--timing prints phases", async () => {
    expect((await brun("--root", ".", "run", "--timing", "-b", "/nonexistent", "x")).stderr).toMatch(
      /^brun: timing +[\d.]+ ms +\+[\d.]+ {2}command line read\n/,
    );
  });

  test.concurrent("a reader that has gone ends it as SIGPIPE would", async () => {
    const script = `"${process.execPath}" "${import.meta.dir}/main.ts" --help; echo $? >pipe-status`;
    await Bun.spawn(["sh", "-c", `{ sleep 0.2; ${script}; } | :`], { cwd: dir }).exited;
    expect(readFileSync(`${dir}/pipe-status`, "utf8")).toBe("141\n");
  });
});
