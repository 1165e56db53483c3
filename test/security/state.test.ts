/** What brun believes of what it finds: state that was changed, ids and texts that mean something to others. */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { isRoot, ownedDir } from "../support/caller.ts";
import { killHard } from "../support/processes.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";

const COMMANDS = (id: string): string[][] => [
  ["state", id],
  ["exec", id, "/bin/true"],
  ["kill", id, "KILL"],
  ["start", id],
  ["ps", id],
  ["pause", id],
  ["resume", id],
  ["update", "--pids-limit", "10", id],
  ["events", "--stats", id],
  ["delete", id],
];

/** Ways to spoil a state.json; "" stands for an empty file. */
const SPOILED: readonly ((state: Record<string, unknown>) => unknown)[] = [
  () => "",
  () => "{",
  () => "\0\0\0",
  () => null,
  () => [],
  () => 5,
  () => ({}),
  (state) => ({ ...state, version: 2 }),
  (state) => ({ ...state, id: "../other" }),
  (state) => ({ ...state, pid: -1 }),
  (state) => ({ ...state, pid: 0 }),
  (state) => ({ ...state, pid: 1e300 }),
  (state) => ({ ...state, pid: "1" }),
  (state) => ({ ...state, startTime: 5 }),
  (state) => ({ ...state, bundle: null }),
];

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  describe(subject.label, () => {
    test("a pid that has become another process's is neither signalled, entered nor killed", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      const file = `${box.state}/${id}/state.json`;
      const state = JSON.parse(readFileSync(file, "utf8"));
      await Bun.sleep(30); // start times are in ticks of 10 ms
      const other = Bun.spawn([...caller.prefix, "sleep", "1000"]);
      try {
        writeFileSync(file, JSON.stringify({ ...state, pid: other.pid }));
        expect((await box.inspect(id)).status).toBe("stopped");
        expect((await box.call(["kill", id, "KILL"])).code).toBe(1);
        expect((await box.call(["exec", id, "/bin/true"])).code).toBe(255);
        expect((await box.call(["delete", "--force", id])).code).toBe(0);
        expect(other.exitCode).toBe(null);
        expect(other.signalCode).toBe(null);
      } finally {
        killHard(other.pid);
        killHard(state.pid);
        await other.exited;
      }
    });

    test("a spoiled state.json: one line from every command, and delete --force removes it", async () => {
      await using box = new Sandbox(subject);
      const id = box.name();
      await box.ok(["create", "--bundle", box.bundle(), id]);
      const file = `${box.state}/${id}/state.json`;
      const text = readFileSync(file, "utf8");
      const state = JSON.parse(text);
      for (const [i, spoil] of SPOILED.entries()) {
        const value = spoil(state);
        writeFileSync(file, typeof value === "string" ? value : JSON.stringify(value));
        // One command each time; all of them read it the same way.
        for (const args of [COMMANDS(id)[i % 10]!, ["list"]]) {
          const { code, stderr } = await box.call(args);
          const line = `${args.join(" ")} of ${JSON.stringify(value)}: ${stderr}`;
          expect(line).toMatch(/: brun: [^\n]+\n$/);
          expect(line).not.toMatch(/undefined|is not an object|TypeError/);
          expect(code === 0).toBe(args[0] === "list");
        }
      }
      // One that has lost its process and cgroup besides.
      const other = box.name();
      ownedDir(caller, `${box.state}/${other}`, 0o711);
      box.file(`state/${other}/state.json`, "{");
      await box.ok(["delete", "--force", other]);
      expect(box.known(other)).toBe(false);
      writeFileSync(file, text);
    });

    if (caller.uid !== 0) {
      test("a state that cannot be read just now is not deleted with its container alive", async () => {
        await using box = new Sandbox(subject);
        const id = await box.detached();
        chmodSync(`${box.state}/${id}/state.json`, 0);
        const { code, stderr } = await box.call(["delete", "--force", id]);
        expect(`${code} ${stderr}`).toMatch(/^1 brun: .*state\.json.*EACCES/);
        chmodSync(`${box.state}/${id}/state.json`, 0o600);
        expect((await box.inspect(id)).status).toBe("running");
      });
    }

    test("a state directory that is a symbolic link is no container", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      const link = box.name();
      symlinkSync(`${box.state}/${id}`, `${box.state}/${link}`);
      for (const args of COMMANDS(link))
        expect([args[0], (await box.call(args)).code]).not.toEqual([args[0], 0]);
      await box.call(["delete", "--force", link]);
      expect((await box.inspect(id)).status).toBe("running");
      await Bun.spawn(["rm", `${box.state}/${link}`]).exited;
    });

    test.skipIf(!isRoot)("what someone else has written down is not done", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      const { pid } = await box.inspect(id);
      const directory = `${box.state}/${id}`;
      const someone = caller.uid === 0 ? 12345 : 0;
      chownSync(directory, someone, someone);
      for (const args of [...COMMANDS(id), ["delete", "--force", id]]) {
        const { code, stderr } = await box.call(args);
        expect(`${args[0]}: ${code === 0 ? "done" : stderr}`).toMatch(
          /belongs to uid \d+, not to you|denied/,
        );
      }
      expect(existsSync(`/proc/${pid}`)).toBe(true);
      chownSync(directory, caller.uid, caller.gid);
    });

    test("others can neither read a container's state nor start it", async () => {
      await using box = new Sandbox(subject);
      const id = box.name();
      await box.ok(["create", "--bundle", box.bundle(), id]);
      for (const name of readdirSync(`${box.state}/${id}`)) {
        const { mode } = await Bun.file(`${box.state}/${id}/${name}`).stat();
        expect(`${name} ${(mode & 0o077).toString(8)}`).toBe(`${name} 0`);
      }
    });

    test("no text of a config reaches a shell or leaves its place", async () => {
      await using box = new Sandbox(subject);
      const trap = `${box.dir}/trapped`;
      const nasty = `; touch ${trap} $(touch ${trap}) \`touch ${trap}\` | touch ${trap} & \n touch ${trap} # ' " ..`;
      const outcome = await box.sh('printf %s "$NASTY"', (spec) => {
        spec.process.env.push(`NASTY=${nasty}`);
        spec.annotations = { [nasty]: nasty, "org.example": nasty };
        spec.mounts.push({ destination: `/m${nasty.replaceAll("/", "_")}`, type: "tmpfs", source: nasty });
        spec.linux.maskedPaths = [`/masked${nasty}`];
        spec.linux.readonlyPaths = [`/readonly${nasty}`];
        spec.process.cwd = `/cwd${nasty.replaceAll("/", "_")}`;
      });
      expect(outcome).toMatchObject({ code: 0, stdout: nasty });
      for (const edit of [
        { hostname: nasty },
        { domainname: `${nasty}${nasty}` },
        { linux: { cgroupsPath: `../../..${nasty}` } },
      ]) {
        const bundle = box.bundle((spec) =>
          Object.assign(spec, { ...edit, linux: { ...spec.linux, ...edit.linux } }),
        );
        const id = box.name();
        await box.call(["run", "--bundle", bundle, id]);
        await box.untilGone(id);
      }
      for (const id of [nasty, "../x", "a/../b", "-x", "a b", "a\nb", "é", "%s", "$HOME", "*"]) {
        expect((await box.call(["create", "--bundle", box.dir, "--", id])).code).toBe(1);
      }
      expect(existsSync(trap)).toBe(false);
    });

    test("the root directory of the state may be on the way to elsewhere, the container's never is", async () => {
      await using box = new Sandbox(subject);
      const real = ownedDir(caller, `${box.dir}/real`, 0o700);
      symlinkSync(real, box.state);
      const id = await box.detached();
      // Plans of brun may be beside it.
      expect(readdirSync(real).filter((name) => name !== "@run")).toEqual([id]);
      renameSync(`${real}/${id}`, `${real}/moved`);
      expect((await box.call(["kill", "moved", "KILL"])).code).toBe(1);
      renameSync(`${real}/moved`, `${real}/${id}`);
      await box.ok(["delete", "--force", id]);
    });
  });
}
