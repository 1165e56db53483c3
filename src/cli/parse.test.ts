import { describe, expect, test } from "bun:test";
import { errorLine } from "../errors.ts";
import type { Flags } from "./flags.ts";
import { parseCommand, parseGlobals } from "./parse.ts";

const flags = {
  id: { type: "positional" },
  bundle: { type: "string", alias: "b" },
  format: { type: "string", alias: "f", default: "table" },
  detach: { type: "boolean", alias: "d" },
  "preserve-fds": { type: "string", integer: true },
  env: { type: "string", alias: "e", multiple: true },
  gid: { type: "string", alias: "g", multiple: true, integer: true },
} as const satisfies Flags;

const execFlags = {
  id: { type: "positional" },
  command: { type: "positional", required: false, rest: true },
  tty: { type: "boolean", alias: "t" },
} as const satisfies Flags;

const values = (...argv: string[]) => parseCommand("run", flags, argv).values;

function refused(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return errorLine(error);
  }
  return "accepted";
}

describe("flags", () => {
  test("defaults", () => {
    expect(values("c1")).toEqual({
      id: "c1",
      bundle: undefined,
      format: "table",
      detach: false,
      "preserve-fds": undefined,
      env: [],
      gid: [],
    });
  });

  test("one dash or two, value inline or next, alias", () => {
    for (const argv of [
      ["--bundle", "/b"],
      ["--bundle=/b"],
      ["-bundle", "/b"],
      ["-bundle=/b"],
      ["-b", "/b"],
      ["--b=/b"],
    ]) {
      expect(values(...argv, "c1").bundle).toBe("/b");
    }
  });

  test("the value is the next argument whatever it looks like", () => {
    expect(values("-b", "-d", "c1")).toMatchObject({ bundle: "-d", detach: false });
    expect(values("-b", "--", "c1").bundle).toBe("--");
    expect(values("--bundle=", "c1").bundle).toBe("");
    expect(values("-e", "A=b=c", "--env=D=", "c1").env).toEqual(["A=b=c", "D="]);
  });

  test("the last of several wins, lists collect", () => {
    expect(values("-b", "1", "-b", "2", "c1").bundle).toBe("2");
    expect(values("-g", "1", "-g=22", "c1").gid).toEqual([1, 22]);
  });

  test("switches take Go's words for true and false", () => {
    for (const word of ["1", "t", "T", "true", "TRUE", "True"])
      expect(values(`-d=${word}`, "c1").detach).toBe(true);
    for (const word of ["0", "f", "F", "false", "FALSE", "False"])
      expect(values("-d", `--detach=${word}`, "c1").detach).toBe(false);
  });

  test("an optional switch is undefined until it is given, a number that may be none takes -1", () => {
    const more = {
      privs: { type: "boolean", optional: true },
      fd: { type: "string", integer: true, orNone: true },
    } as const;
    const given = (...argv: string[]) => parseCommand("x", more, argv).values;
    expect(given()).toEqual({ privs: undefined, fd: undefined });
    expect(given("--privs=false", "--fd", "-1")).toEqual({ privs: false, fd: -1 });
    expect(refused(() => given("--fd", "-2"))).toContain("not a number of 0 or more");
  });

  test("before and after the positional argument", () => {
    expect(values("c1", "-d", "--bundle", "/b")).toMatchObject({ id: "c1", detach: true, bundle: "/b" });
  });

  test("-- ends the flags, a lone dash is an argument", () => {
    expect(values("-d", "--", "-b")).toMatchObject({ id: "-b", detach: true });
    expect(values("-").id).toBe("-");
  });

  test("help is seen wherever a flag may stand", () => {
    for (const argv of [["-h"], ["--help"], ["-d", "-h"], ["c1", "--help"], ["a", "b", "-h", "--nonsense"]]) {
      expect(parseCommand("run", flags, argv).help).toBe(true);
    }
    expect(parseCommand("run", flags, ["--", "-h"]).help).toBe(false);
  });
});

describe("commands whose last positional takes the rest", () => {
  const run = (...argv: string[]) => parseCommand("exec", execFlags, argv);

  test("flags end at the first positional", () => {
    expect(run("-t", "c1", "ls", "-t", "--", "-h").values).toEqual({
      id: "c1",
      tty: true,
      command: ["ls", "-t", "--", "-h"],
    });
    expect(run("c1", "-t").values).toMatchObject({ tty: false, command: ["-t"] });
    expect(run("c1").values.command).toEqual([]);
  });

  test("a -- behind the first positional is dropped, once", () => {
    expect(run("c1", "--", "ls").values.command).toEqual(["ls"]);
    expect(run("c1", "--", "--").values.command).toEqual(["--"]);
    expect(run("--", "c1", "--", "ls").values.command).toEqual(["--", "ls"]);
  });
});

describe("podman's short forms, where they are taken", () => {
  const more = {
    ...flags,
    tty: { type: "boolean", alias: "t" },
    hostname: { type: "string", alias: "h" },
  } as const satisfies Flags;
  const given = (...argv: string[]) => parseCommand("run", more, [...argv, "c1"], { short: true });

  test.each([
    [["-dt"], { detach: true, tty: true }],
    [["-eA=1", "-e=B=2"], { env: ["A=1", "B=2"] }],
    [["-b/tmp"], { bundle: "/tmp" }],
    [["-tb", "/tmp"], { tty: true, bundle: "/tmp" }],
    [["-tdb=/tmp"], { tty: true, detach: true, bundle: "/tmp" }],
    [["-g7", "-bundle=/x"], { gid: [7], bundle: "/x" }],
    [["-h", "web"], { hostname: "web" }],
    [["-hweb"], { hostname: "web" }],
  ])("%j", (argv, values) => {
    expect(given(...argv)).toMatchObject({ values, help: false });
  });

  test("-h without a value is the question for help", () => {
    for (const argv of [["-h"], ["-h", "--", "ls"], ["-d", "-h"]])
      expect(parseCommand("run", more, argv, { short: true }).help).toBe(true);
  });

  test("others are refused as a whole", () => {
    expect(refused(() => given("-dx"))).toBe(
      "run: flag provided but not defined: -dx; hint: see brun run --help",
    );
    expect(refused(() => given("--dt"))).toContain("not defined: --dt");
  });
});

describe("refusals", () => {
  test("the flag that may be meant is named", () => {
    expect(refused(() => values("--bundel", "c1"))).toBe(
      "run: flag provided but not defined: --bundel; hint: did you mean --bundle? see brun run --help",
    );
  });

  test.each([
    [["--foo", "c1"], "run: flag provided but not defined: --foo; hint: see brun run --help"],
    [["-foo=1"], "run: flag provided but not defined: -foo; hint: see brun run --help"],
    [["-db"], "run: flag provided but not defined: -db; hint: see brun run --help"],
    [["c1", "-b"], "run: flag needs an argument: -b; hint: -b value; see brun run --help"],
    [["---b"], "run: bad flag syntax: ---b; hint: see brun run --help"],
    [["-=b"], "run: bad flag syntax: -=b; hint: see brun run --help"],
    [["-d=x"], 'run: invalid value "x" for flag -d: neither true nor false; hint: see brun run --help'],
    [
      ["--preserve-fds", "-1"],
      'run: invalid value "-1" for flag --preserve-fds: not a number of 0 or more; hint: see brun run --help',
    ],
    [["-g", ""], 'run: invalid value "" for flag -g: not a number of 0 or more; hint: see brun run --help'],
    [
      ["-g", "1e3"],
      'run: invalid value "1e3" for flag -g: not a number of 0 or more; hint: see brun run --help',
    ],
    [[], '"run" requires exactly 1 argument(s); hint: usage: brun run [flags] <id>'],
    [["a", "b"], '"run" requires exactly 1 argument(s); hint: usage: brun run [flags] <id>'],
    [
      ["--root", "/r", "c1"],
      'run: flag provided but not defined: --root; hint: --root is a global flag: it stands before "run"',
    ],
  ])("%j", (argv, line) => {
    expect(refused(() => parseCommand("run", flags, argv, { globals: { root: { type: "string" } } }))).toBe(
      line,
    );
  });

  test("a number of arguments out of range", () => {
    const kill = { id: { type: "positional" }, signal: { type: "positional", required: false } } as const;
    expect(refused(() => parseCommand("kill", kill, ["a", "b", "c"]))).toStartWith(
      '"kill" requires a maximum of 2 argument(s)',
    );
    // An action is a part of the command's name.
    const image = { action: { type: "positional" }, name: { type: "positional" } } as const;
    expect(refused(() => parseCommand("image", image, ["pull"]))).toBe(
      '"image pull" requires exactly 1 argument(s); hint: usage: brun image pull [flags] <name>',
    );
    expect(refused(() => parseCommand("image", image, []))).toBe(
      '"image" requires exactly 2 argument(s); hint: usage: brun image [flags] <action> <name>',
    );
    expect(refused(() => parseCommand("exec", execFlags, []))).toBe(
      '"exec" requires a minimum of 1 argument(s); hint: usage: brun exec [flags] <id> [command]',
    );
  });

  test("object properties are not flags", () => {
    for (const name of ["constructor", "__proto__", "toString"])
      expect(refused(() => values(`--${name}`, "c1"))).toContain("not defined");
  });
});

describe("global flags", () => {
  const globals = { root: { type: "string" }, debug: { type: "boolean" } } as const;

  test("end at the command", () => {
    const parsed = parseGlobals(globals, ["--debug", "--root", "/r", "run", "--root", "x", "--", "-h"]);
    expect(parsed.values).toEqual({ root: "/r", debug: true });
    expect(parsed.args).toEqual(["run", "--root", "x", "--", "-h"]);
    expect(parsed.help).toBe(false);
  });

  test("help and unknown flags", () => {
    expect(parseGlobals(globals, ["-h"]).help).toBe(true);
    expect(refused(() => parseGlobals(globals, ["-x"]))).toBe(
      "flag provided but not defined: -x; hint: see brun --help",
    );
  });
});
