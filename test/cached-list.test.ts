/** `list` is done without Bun by the plans that an earlier one has left, and shows what Bun shows. */
import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  lchownSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { isRoot, ownedDir } from "./support/caller.ts";
import { BY_BUN, call, created, front, HAS_FRONT } from "./support/front.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";

function startTimeOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]!;
}

/** A state directory that is filled by hand, and its `list` with and without the front. */
class Filled {
  readonly root: string;
  private readonly globals: readonly string[];

  constructor(private readonly box: Sandbox) {
    this.root = ownedDir(box.subject.caller, `${box.dir}/filled`, 0o700);
    this.globals = ["--root", this.root];
  }

  /** The text of a state.json of a process that has ended. */
  state(id: string, more: object = {}): string {
    return JSON.stringify({
      version: 1,
      ociVersion: "1.3.0",
      id,
      bundle: "/b",
      rootfs: "/b/rootfs",
      created: "2026-01-02T03:04:05.678901234Z",
      pid: 2 ** 22 + 5,
      startTime: "12345",
      ...more,
    });
  }

  /** Makes a container's directory. Returns its path. */
  put(id: string, text: string | null = this.state(id)): string {
    const directory = ownedDir(this.box.subject.caller, `${this.root}/${id}`, 0o711);
    if (text !== null) {
      writeFileSync(`${directory}/state.json`, text, { mode: 0o600 });
      this.own(`${directory}/state.json`);
    }
    return directory;
  }

  own(path: string): void {
    const { uid, gid } = this.box.subject.caller;
    if (isRoot) lchownSync(path, uid, gid);
  }

  text(): Promise<string> {
    return this.box.ok(["list"], { globals: this.globals });
  }

  /** Whether Bun is started for `list`. */
  async byBun(args: readonly string[] = ["list"]): Promise<boolean> {
    return (await call(this.box, args, { globals: this.globals })).bun;
  }

  /** Expects that `list` shows the same with and without the front. Returns whether Bun was started for it. */
  async same(name: string, args: readonly string[] = ["list"]): Promise<boolean> {
    const bun = await this.byBun(args);
    const found = await this.box.call(args, { globals: this.globals });
    const byBun = await this.box.call(args, { globals: [...this.globals, ...BY_BUN.globals] });
    expect({ name, ...found }).toEqual({ name, ...byBun });
    return bun;
  }
}

for (const subject of subjects(["brun"])) {
  describe(subject.label, () => {
    test("containers of each status, while others come and go", async () => {
      await using box = new Sandbox(subject);
      const ids = [await created(box), await created(box), await created(box)].toSorted();
      await box.ok(["start", ids[0]!]);
      await box.ok(["start", ids[1]!]);
      await box.ok(["kill", ids[1]!, "KILL"]);
      await box.untilStatus(ids[1]!, "stopped");
      expect((await call(box, ["list"])).bun).toBe(true);
      const shown = async () => {
        const { stdout } = await front(box, ["list"]);
        expect(await box.ok(["list"])).toBe(await box.ok(["list"], BY_BUN));
        const rows = stdout.matchAll(/^(\S+) +(\d+) +(created|running|stopped) +\//gm);
        return [...rows].map(([, id, pid, status]) => [id, status, pid === "0"]);
      };
      expect(await shown()).toEqual([
        [ids[0], "running", false],
        [ids[1], "stopped", true],
        [ids[2], "created", false],
      ]);
      await box.ok(["delete", ids[1]!]);
      const another = await created(box);
      expect((await shown()).map(([id]) => id)).toEqual([ids[0], ids[2], another].toSorted());
    });

    test.skipIf(!HAS_FRONT)("a directory with anything unusual is left to Bun", async () => {
      await using box = new Sandbox(subject);
      const filled = new Filled(box);
      const { state } = filled;
      expect(await filled.same("the first list")).toBe(true);
      for (const args of [[], ["-f", "json"], ["-q"]])
        expect(await filled.same("no containers", ["list", ...args])).toBe(false);
      for (const id of ["b-10", "b-9", "A", "a", "_", "0"]) filled.put(id, state(id));
      filled.put("long", state("long", { bundle: `/${"x".repeat(90)}` }));
      const kept = { directory: "/l", size: 3, list: [1, { a: null }, []], no: false, text: 'a\\"\n' };
      filled.put("more", state("more", { kept, annotations: { 'a "b"': '{"c":[]}' }, sharesPids: true }));
      // Processes that live, in cgroups.
      const alive = { pid: process.pid, startTime: startTimeOf(process.pid) };
      for (const [id, text] of Object.entries({ frozen: "1\n", thawed: "0\n", gone: null })) {
        const freezer = `${box.dir}/${id}`;
        if (text !== null) box.file(id, text);
        filled.put(id, state(id, { ...alive, cgroup: { version: 2, paths: { "": box.dir } }, freezer }));
      }
      filled.put("none", state("none", { ...alive, cgroup: { version: 1, paths: {} }, freezer: "" }));
      const shown = await filled.text();
      for (const [id, status] of [
        ["frozen", "paused"],
        ["thawed", "running"],
        ["gone", "running"],
        ["none", "running"],
        ["a", "stopped"],
      ])
        expect(shown).toMatch(new RegExp(`^${id} +\\d+ +${status} `, "m"));
      for (const args of [[], ["-f", "json"], ["-q"], ["--quiet", "--format=xml"]])
        expect(await filled.same(args.join(" "), ["list", ...args])).toBe(false);
      const text = state("x");
      const odd: Record<string, string | null> = {
        nothing: null,
        empty: "",
        damaged: "{",
        cut: text.slice(0, -1),
        longer: `${text}}`,
        blank: text.replace(":1,", ": 1,"),
        "a NUL": text.replace("/b", "/b\0"),
        mark: `\ufeff${text}`,
        another: state("y"),
        version: text.replace('"version":1', '"version":2'),
        "version as text": text.replace('"version":1', '"version":"1"'),
        "a fraction": text.replace('"pid":', '"pid":0.'),
        "pid 0": state("x", { pid: 0 }),
        "a pid as text": state("x", { pid: "77" }),
        "a large pid": state("x", { pid: 1e15 }),
        "no number": state("x", { startTime: "1e3" }),
        twice: text.replace("{", '{"pid":1,'),
        "no bundle": state("x", { bundle: undefined }),
        "a colour": state("x", { bundle: "/\u001b[31m" }),
        "a colour as it is": text.replace("/b", "/\u001b[31m"),
        umlaut: state("x", { bundle: "/größe" }),
        "not UTF-8": text.replace("/b", "/\udcff"),
        "a list": `[${text}]`,
        nested: state("x", { annotations: JSON.parse(`${"[".repeat(40)}${"]".repeat(40)}`) }),
        "an open list": text.replace("}", ',"a":[1,]}'),
        "a bad escape": text.replace("}", ',"a":"\\x"}'),
        large: state("x", { annotations: { a: "x".repeat(2048) } }),
        making: state("x", { creating: true }),
        "an odd escape": text.replace("}", ',"annotations":{"a":"\\u0041"}}'),
        "annotations in a list": state("x", { annotations: [] }),
        "a freezer alone": state("x", { freezer: "/f" }),
        "a cgroup of an older brun": state("x", { cgroup: { version: 2, paths: { "": "/nonesuch" } } }),
      };
      for (const [name, json] of Object.entries(odd)) {
        const directory = filled.put("x", json);
        expect([name, await filled.byBun()]).toEqual([name, true]);
        rmSync(directory, { recursive: true });
      }
      const inPlace: Record<string, (path: string) => void> = {
        FIFO: (path) => execFileSync("mkfifo", [path]),
        "a link": (path) => symlinkSync(`${filled.root}/a/state.json`, path),
        "somebody else's": (path) => {
          writeFileSync(path, text);
          if (isRoot) chownSync(path, 65534, 65534);
          else rmSync(path);
        },
      };
      for (const [name, make] of Object.entries(inPlace)) {
        const directory = filled.put("x", null);
        make(`${directory}/state.json`);
        expect([name, await filled.byBun()]).toEqual([name, true]);
        rmSync(directory, { recursive: true });
      }
      writeFileSync(`${filled.root}/file`, "");
      expect(await filled.same("with warnings")).toBe(true);
      rmSync(`${filled.root}/file`);
      for (const args of [["--wide"], ["-q", "--wide"], ["-f", "xml"]])
        expect(await filled.byBun(["list", ...args])).toBe(true);
      expect(await filled.same("all as usual again")).toBe(false);
    });

    test.skipIf(!HAS_FRONT)("a plan of others is not used, nor written for them", async () => {
      await using box = new Sandbox(subject);
      const filled = new Filled(box);
      const plan = `${filled.root}/@run/list`;
      filled.put("a");
      chmodSync(filled.root, 0o777);
      expect(await filled.same("open to others")).toBe(true);
      expect(existsSync(plan)).toBe(false);
      chmodSync(filled.root, 0o700);
      await filled.same("written");
      expect(await filled.same("used")).toBe(false);
      chmodSync(filled.root, 0o777);
      expect(await filled.same("open to others again")).toBe(true);
      chmodSync(filled.root, 0o700);
      expect(await filled.same("closed")).toBe(false);
      const bytes = readFileSync(plan);
      for (const [name, damaged] of [
        ["cut", bytes.subarray(0, -8)],
        ["changed", Buffer.from(bytes.map((byte, i) => (i === bytes.length - 300 ? byte ^ 1 : byte)))],
      ] as const) {
        writeFileSync(plan, damaged);
        expect([name, await filled.same(name)]).toEqual([name, true]);
        // Bun has written it anew.
        expect(readFileSync(plan).equals(bytes)).toBe(true);
      }
      if (isRoot) {
        chownSync(plan, 65534, 65534);
        expect(await filled.same("of another owner")).toBe(true);
      }
    });

    test("output that cannot be written is one line, after what was written of it", async () => {
      await using box = new Sandbox(subject);
      const filled = new Filled(box);
      for (let i = 0; i < 40; i++) filled.put(`many-${i}`);
      const list = async (stdout: number, ...globals: string[]) => {
        const argv = box.argv(["list"], { globals: ["--root", filled.root, ...globals] });
        const child = Bun.spawn(argv, { env: box.env, stdio: [null, stdout, "pipe"] });
        return { stderr: await new Response(child.stderr).text(), code: await child.exited };
      };
      await filled.same("written");
      const fifo = `${box.dir}/fifo`;
      execFileSync("mkfifo", [fifo]);
      const reader = openSync(fifo, "r+");
      const outputs = [openSync("/dev/full", "w"), openSync(fifo, "w")];
      closeSync(reader);
      for (const fd of outputs) {
        const said = await list(fd);
        expect(said.code).not.toBe(0);
        expect(said).toEqual(await list(fd, ...BY_BUN.globals));
        closeSync(fd);
      }
      const log = `${box.dir}/log`;
      await box.ok(["list"], { globals: ["--root", filled.root, "--log", log] });
      expect(readFileSync(log, "utf8")).toBe("");
    });
  });
}
