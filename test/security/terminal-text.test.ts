/** Texts of others that reach a terminal: what a config, an image or a state has in it is shown, and does nothing. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { type Caller, host, isRoot } from "../support/caller.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";

/** Clears the screen, by ESC and by the C1 character that stands for it; sets the title; turns the text around. */
const EVIL = "e\u001b[2J\u009b31m\u001b]0;title\u0007\u007f\u202ev\r";
/** What may not reach a terminal. */
const ACTS = /[\0-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  /** A bundle whose path is evil, as are an annotation, a variable and the hostname of its config. */
  function evilBundle(box: Sandbox, args: readonly string[]): string {
    const plain = box.bundle((spec) => {
      spec.process.args = [...args];
      spec.process.env.push(`EVIL=${EVIL}`);
      Object.assign(spec, { annotations: { [`org.${EVIL}`]: EVIL } });
    });
    const bundle = `${box.dir}/${EVIL}\n${box.name()}`;
    renameSync(plain, bundle);
    return bundle;
  }

  describe(subject.label, () => {
    test("no command lets a config's text act on a terminal; JSON has it as it is", async () => {
      await using box = new Sandbox(subject);
      const id = box.name();
      const bundle = evilBundle(box, ["/bin/sleep", "1000"]);
      await box.ok(["run", "--detach", "--bundle", bundle, id]);
      const commands = [
        ["list"],
        ["list", "--wide"],
        ["list", "--quiet"],
        ["list", "--format", "json"],
        ["state", id],
        ["--rootless=auto", "state", id],
        ["ps", id],
        ["ps", "--format", "json", id],
        ["events", "--stats", id],
        ["stats", "--no-stream", id],
        ["explain", "--bundle", bundle],
        ["explain", "--bundle", bundle, "--syscalls"],
        ["explain", "--bundle", bundle, "--diff"],
        ["explain", "--bundle", bundle, "--json"],
        ["features"],
        ["doctor"],
        ["doctor", "--json"],
      ];
      const outputs = new Map<string, string>();
      for (const args of commands) {
        const { stdout, stderr } = await box.call(args, {
          env: { EVIL, PATH: `${process.env.PATH}:/${EVIL}` },
        });
        expect({ args, text: ACTS.exec(stdout + stderr)?.[0] }).toEqual({ args, text: undefined });
        outputs.set(args.join(" "), stdout);
      }
      // A line of a table is one line.
      expect(outputs.get("list")!.trimEnd().split("\n")).toHaveLength(2);
      for (const command of [`state ${id}`, `--rootless=auto state ${id}`]) {
        expect(JSON.parse(outputs.get(command)!)).toMatchObject({
          bundle,
          annotations: { [`org.${EVIL}`]: EVIL },
        });
      }
      expect(JSON.parse(outputs.get("list --format json")!)[0].bundle).toBe(bundle);
      await box.ok(["kill", id, "KILL"]);
    });

    test("nor do errors, warnings, debug lines and logs", async () => {
      await using box = new Sandbox(subject);
      const bundle = evilBundle(box, [`/bin/${EVIL}`]);
      const failing = { path: `/${EVIL}`, args: ["x"] };
      const other = box.bundle((spec) => Object.assign(spec, { hooks: { poststop: [failing] } }));
      const log = `${box.dir}/log`;
      const commands = [
        ["run", "--bundle", bundle, box.name()],
        ["run", "--explain-error", "--bundle", bundle, box.name()],
        ["--debug", "run", "--bundle", bundle, box.name()],
        ["--log-format", "json", "run", "--bundle", bundle, box.name()],
        ["--log", log, "run", "--bundle", bundle, box.name()],
        ["--log", log, "--log-format", "json", "run", "--bundle", bundle, box.name()],
        ["run", "--bundle", other, box.name()],
        ["run", "--bundle", `/${EVIL}`, box.name()],
        ["state", EVIL],
        ["run", `--${EVIL}`],
        [EVIL],
        ["run", "--rootfs", `/${EVIL}`, "--", EVIL],
        ["run", "--host", "-v", `/${EVIL}:/x`, "--", "true"],
      ];
      for (const args of commands) {
        const { stdout, stderr } = await box.call(args);
        expect({ args, text: ACTS.exec(stdout + stderr)?.[0] }).toEqual({ args, text: undefined });
        expect(stdout + stderr).toContain("\\u001b");
      }
      expect(ACTS.exec(readFileSync(log, "utf8"))).toBe(null);
    });

    test("on a terminal brun's own marks are there, and no others", async () => {
      await using box = new Sandbox(subject);
      const bundle = evilBundle(box, ["/bin/true"]);
      await using session = box.terminal(["explain", "--bundle", bundle, "--syscalls"]);
      expect(await session.exited).toBe(0);
      const text = session.text();
      expect(text).toContain("\u001b[1mContainer");
      expect(text.replaceAll(/\u001b\[[0-9;]*m|\r\n/g, "")).not.toMatch(ACTS);
      expect(text).not.toMatch(/\u001b\[31m|\u001b\[2J/);
    });

    test("a state.json that is a FIFO, a link, without end or someone else's keeps nobody waiting", async () => {
      await using box = new Sandbox(subject);
      const good = await box.detached();
      const bad = await box.detached();
      const file = `${box.state}/${bad}/state.json`;
      const kept = readFileSync(file);
      const inPlace: readonly ((caller: Caller) => void)[] = [
        () => host("mkfifo", file),
        () => symlinkSync("/dev/zero", file),
        () => symlinkSync(`${box.state}/${good}/state.json`, file),
        () => mkdirSync(file),
        () => host("truncate", "--size", "100G", file),
        ...(isRoot && caller.uid !== 0 ? [() => writeFileSync(file, kept, { mode: 0o644 })] : []),
      ];
      for (const put of inPlace) {
        unlinkSync(file);
        put(caller);
        if (put !== inPlace[5] && isRoot) host("chown", "-h", `${caller.uid}:${caller.gid}`, file);
        const listed = await box.call(["list", "--quiet"], { timeoutMs: 10_000 });
        expect([listed.code, listed.stdout]).toEqual([0, `${good}\n`]);
        expect(listed.stderr).toMatch(/^brun: warning: container \S+: [^\n]+\n$/);
        for (const args of [
          ["state", bad],
          ["exec", bad, "true"],
          ["kill", bad, "KILL"],
          ["start", bad],
          ["ps", bad],
          ["delete", bad],
        ]) {
          const { code, stderr } = await box.call(args, { timeoutMs: 10_000 });
          expect([args, code === 0, stderr.split("\n").length]).toEqual([args, false, 2]);
        }
        host("rm", "-rf", file);
        writeFileSync(file, kept, { mode: 0o600 });
        if (isRoot) host("chown", `${caller.uid}:${caller.gid}`, file);
      }
      await box.ok(["delete", "--force", bad]);
      await box.ok(["delete", "--force", good]);
    });
  });
}
