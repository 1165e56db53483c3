/**
 * What people type who know podman, docker, bwrap, runc, sudo, env or a shell, and what brun answers: commands.txt. Each line
 * is run by a shell, as the user, in a directory of its own with a few files. BRUN_NATURAL=print shows what is printed
 * now, in the form of that file.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chownSync, existsSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { isRoot, ownedDir } from "../support/caller.ts";
import { HAS_FRONT } from "../support/front.ts";
import { hintTexts, remediesIn } from "../support/remedies.ts";
import { makeRootfs } from "../support/rootfs.ts";
import { subjects } from "../support/runtime.ts";
import { type Outcome, Sandbox } from "../support/sandbox.ts";
import { brunPath } from "../support/workspace.ts";
import { type Case, parseTranscript } from "./transcript.ts";

const AT_ONCE = 2;
const TIMEOUT_MS = 30_000;

const subject = subjects(["brun"]).find(({ caller }) => caller.name === "user");
const cases = parseTranscript(await Bun.file(`${import.meta.dir}/commands.txt`).text());

/** A line from an error's hint, and what brun said when it was followed. */
interface Remedy {
  readonly line: string;
  readonly stderr: string;
}

/** What a line has printed, and what the places of commands.txt stand for in it. */
interface Tried extends Outcome {
  readonly remedies: readonly Remedy[];
  readonly places: Readonly<Record<string, string>>;
}

/** What every line finds: files in its directory, the root file system `r` and the running container `web`. */
class World {
  readonly box: Sandbox;
  readonly root: string;
  readonly home: string;
  readonly bundle: string;
  private count = 0;

  constructor() {
    this.box = new Sandbox(subject!);
    const { caller } = subject!;
    this.root = makeRootfs(ownedDir(caller, `${this.box.dir}/root`), caller);
    this.home = ownedDir(caller, `${this.box.dir}/home`);
    ownedDir(caller, `${this.home}/.ssh`, 0o700);
    this.write(`${this.home}/.ssh/id_ed25519`, "the key\n", 0o600);
    this.bundle = this.box.bundle((spec) => {
      spec.process.args = ["/bin/true"];
    });
  }

  /** Runs a line in a new directory, and what its error's hints say after it. */
  async run(line: string): Promise<Tried> {
    const { caller } = subject!;
    this.count += 1;
    const cwd = ownedDir(caller, `${this.box.dir}/w${this.count}/work`);
    symlinkSync(this.root, `${cwd}/r`);
    this.write(`${cwd}/notes`, "mine\n");
    this.write(`${cwd}/env.list`, "# comment\nCOLOUR=blue\n");
    this.write(`${cwd}/hello.sh`, "#!/bin/sh\necho hello\n", 0o755);
    const outcome = await this.shell(line, cwd);
    const remedies: Remedy[] = [];
    for (const remedy of remediesIn(outcome.stderr)) {
      if (existsSync(`${cwd}/b`) === false) symlinkSync(this.bundle, `${cwd}/b`);
      remedies.push({ line: remedy, stderr: (await this.shell(remedy, cwd)).stderr });
    }
    const places = {
      "<cwd>": cwd,
      "<home>": this.home,
      "<root>": this.root,
      "<uid>": `${caller.uid}`,
      "<user>": caller.user,
    };
    return { ...outcome, remedies, places };
  }

  private async shell(line: string, cwd: string): Promise<Outcome> {
    const { caller } = subject!;
    const { PATH, ...env } = this.box.env;
    const child = Bun.spawn([...caller.prefix, "sh", "-c", line], {
      cwd,
      env: { ...env, HOME: this.home, SHELL: "/bin/sh", PATH: `${dirname(brunPath())}:${PATH}` },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      detached: true,
    });
    // All of its process group: what it has started holds the pipes.
    const timer = setTimeout(() => process.kill(-child.pid, "SIGKILL"), TIMEOUT_MS);
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    const code = await child.exited;
    clearTimeout(timer);
    return { code, signal: child.signalCode, stdout, stderr };
  }

  private write(path: string, text: string, mode = 0o644): void {
    writeFileSync(path, text, { mode });
    if (isRoot) chownSync(path, subject!.caller.uid, subject!.caller.gid);
  }
}

describe.skipIf(subject === undefined)("natural command lines", () => {
  let world: World;
  let free = AT_ONCE;
  const waiting: (() => void)[] = [];

  beforeAll(async () => {
    world = new World();
    const { code, stderr } = await world.run("brun run -d --rootfs r --name web -- sleep 1000 >/dev/null");
    expect([code, stderr]).toEqual([0, ""]);
  });

  afterAll(async () => {
    const left = await world.run("brun delete --force web && brun list --quiet");
    expect(left).toMatchObject({ code: 0, stdout: "", stderr: "" });
    await world.box[Symbol.asyncDispose]();
  });

  /** No more than a few at a time. */
  async function run(line: string): ReturnType<World["run"]> {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    else free -= 1;
    try {
      return await world.run(line);
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  }

  for (const [i, one] of cases.entries()) {
    // Bun does not start in a directory that is gone: the front tells of it.
    const byFront = one.inStderr.some((text) => text.includes("current directory, which has been removed"));
    test.concurrent.if(HAS_FRONT || !byFront)(
      `${i + 1}: ${one.line}`,
      async () => {
        const outcome = await run(one.line);
        if (process.env.BRUN_NATURAL === "print") process.stdout.write(asCase(one, outcome));
        else {
          check(one, outcome);
          // No remedy is refused when it is followed.
          expect(outcome.remedies.filter((remedy) => REFUSED.test(remedy.stderr))).toEqual([]);
        }
      },
      TIMEOUT_MS * cases.length,
    );
  }

  // Also of errors that no line above runs into; what a hint has from the error is filled in.
  for (const text of HINTS) {
    test.concurrent(
      `hint: ${text}`,
      async () => {
        const { code, stderr, remedies } = await run(`echo 'brun: it does not; hint: '${quoted(text)} >&2`);
        expect({ code, stderr }).toEqual({ code: 0, stderr: `brun: it does not; hint: ${text}\n` });
        expect(remedies.length).toBeGreaterThan(0);
        const refused = remedies.filter(({ stderr }) => REFUSED.test(stderr));
        expect(refused).toEqual([]);
      },
      TIMEOUT_MS * cases.length,
    );
  }
});

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Where the hints are. */
const ROOT = `${import.meta.dir}/../..`;
const HINTS = await hintTexts(ROOT);

/** A line of brun's own that is no warning. */
// That the container has ended is no refusal: other lines, which run at the same time, may have ended it.
const REFUSED = /^brun: (?!warning: |cannot exec in a stopped container)/m;

function check(one: Case, { code, stdout, stderr, places }: Tried): void {
  // In this direction: the user may be called "dev", and have an id that is in other numbers, too.
  const here = (text: string) =>
    Object.entries(places).reduce((all, [place, value]) => all.replaceAll(place, () => value), text);
  const { inStdout, inStderr } = one;
  if (inStderr.length === 0) expect(stderr).toBe("");
  for (const text of inStderr) expect(stderr).toContain(here(text));
  for (const text of inStdout) expect(stdout).toContain(here(text));
  if (inStdout.length === 0) expect(stdout).toBe(one.stdout.map((line) => `${here(line)}\n`).join(""));
  expect(code).toBe(one.code);
}

function asCase({ line }: Case, { code, places, ...printed }: Tried): string {
  const there = (text: string) =>
    Object.entries(places).reduce((all, [place, value]) => all.replaceAll(value, place), text);
  const [stdout, stderr] = [there(printed.stdout), there(printed.stderr)];
  const lines = (mark: string, text: string) =>
    text
      .replace(/\n$/, "")
      .split("\n")
      .map((part) => (text === "" ? "" : `${mark} ${part}\n`))
      .join("");
  return `\n$ ${line}\n${lines(">", stdout)}${lines("!", stderr)}${code === 0 ? "" : `= ${code}\n`}`;
}
