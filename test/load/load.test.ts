/**
 * Many containers: one after the other, and many at once with commands at random, whose outcome the OCI life cycle
 * predicts. Nothing may be left or grow. BRUN_LOAD=full (`npm run test:load`): 5,000, and 200 for ten minutes.
 */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { until } from "../support/processes.ts";
import { subjects } from "../support/runtime.ts";
import { type Outcome, Sandbox } from "../support/sandbox.ts";
import { MOVES, Model, random } from "./model.ts";

const FULL = process.env.BRUN_LOAD === "full";
const IN_TURN = FULL ? 5000 : 40;
const AT_ONCE = FULL ? 200 : 12;
const SECONDS = FULL ? 600 : 4;
/** How many commands run at the same time. */
const COMMANDS = FULL ? 16 : 4;
/** BRUN_LOAD_SEED repeats the choices, as far as time allows. */
const SEED = Number(process.env.BRUN_LOAD_SEED ?? Date.now() % 100000);

/** What brun could leak in the kernel without a process or file to show for it. */
function kernel(uid: number): { mounts: number; keys: number } {
  const users = readFileSync("/proc/key-users", "utf8");
  const keys = new RegExp(`^ *${uid}: +\\d+ (\\d+)/`, "m").exec(users)?.[1] ?? "0";
  return { mounts: readFileSync("/proc/self/mountinfo", "utf8").split("\n").length, keys: Number(keys) };
}

/** Waits for the kernel to have collected what is dead; others on the machine have some of their own. */
function untilAsBefore(uid: number, before: ReturnType<typeof kernel>): Promise<boolean> {
  return until(
    `mounts and keys as before: ${JSON.stringify(before)}`,
    () => {
      const { mounts, keys } = kernel(uid);
      return mounts - before.mounts < 10 && keys - before.keys < 20;
    },
    60000,
  );
}

/** Memory in KB and number of descriptors of a process. */
function size(pid: number): { rss: number; fds: number } {
  const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return { rss: Number(rss), fds: readdirSync(`/proc/${pid}/fd`).length };
}

/** Runs a task for every number up to `count`, as many at a time as may be. */
async function parallel(count: number, width: number, task: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

function wellFormed({ code, stderr }: Outcome): string {
  if (code === null) return "was killed";
  const lines = stderr.split("\n").filter((line) => line !== "" && !line.startsWith("brun: warning: "));
  if (code === 0) return lines.length === 0 ? "" : `succeeds with: ${stderr}`;
  return lines.length === 1 && lines[0]!.startsWith("brun: ") ? "" : `says: ${stderr}`;
}

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  describe(subject.label, () => {
    test(`${IN_TURN} containers one after the other: nothing grows`, async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle();
      await box.ok(["run", "--bundle", bundle, box.name()]);
      const before = kernel(caller.uid);
      await parallel(IN_TURN, 2, async () => {
        const outcome = await box.call(["run", "--bundle", bundle, box.name()]);
        expect(outcome).toMatchObject({ code: 0, stderr: "" });
      });
      expect(box.containers()).toEqual([]);
      await box.untilGone();
      await untilAsBefore(caller.uid, before);
    }, 3600000);

    test(`${AT_ONCE} containers at once for ${SECONDS} s: every command does what the life cycle says (seed ${SEED})`, async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/sleep", "10000"];
      });
      const probe = await box.detached();
      const pausable = (await box.call(["pause", probe])).code === 0;
      await box.ok(["delete", "--force", probe]);
      const choose = random(SEED);
      const containers = Array.from({ length: AT_ONCE }, () => ({
        id: box.name(),
        model: new Model(pausable),
        busy: false,
      }));
      const before = kernel(caller.uid);
      const wrong: string[] = [];
      const deadline = performance.now() + SECONDS * 1000;
      let done = 0;

      const step = async (container: (typeof containers)[number]): Promise<void> => {
        const { id, model } = container;
        const move = MOVES[choose(MOVES.length)]!;
        const expected = model.after(move);
        const from = model.status;
        const outcome = await box.call(move.args(id, bundle), { timeoutMs: 60000 });
        const complaint = wellFormed(outcome);
        const told = `${move.name} of a container that is ${from}: ${outcome.code} ${outcome.stderr}`;
        if (complaint !== "") wrong.push(`${told}: ${complaint}`);
        if ((outcome.code === 0) !== (expected !== null))
          wrong.push(`${told}: expected ${expected ?? "a refusal"}`);
        model.apply(move);
        done += 1;
        if (move.name === "kill" && expected !== null) await box.untilStatus(id, "stopped");
        else if (choose(4) === 0) {
          const { code, stdout } = await box.call(["state", id]);
          const status = code === 0 ? JSON.parse(stdout).status : "absent";
          if (status !== model.status) wrong.push(`${told}: it is ${status} and not ${model.status}`);
        }
      };
      const worker = async (): Promise<void> => {
        while (performance.now() < deadline && wrong.length < 5) {
          const container = containers[choose(containers.length)]!;
          if (container.busy) {
            // Two at a time on one container: either may win, but neither may break.
            const { id } = container;
            const others = [
              ["state", id],
              ["ps", id],
              ["list", "--quiet"],
              ["kill", id, "0"],
            ];
            const outcome = await box.call(others[choose(others.length)]!);
            const complaint = wellFormed(outcome);
            if (complaint !== "") wrong.push(`beside another command: ${outcome.code} ${complaint}`);
            continue;
          }
          container.busy = true;
          try {
            await step(container);
          } catch (error) {
            wrong.push(String(error));
          } finally {
            container.busy = false;
          }
        }
      };
      await Promise.all(Array.from({ length: COMMANDS }, worker));
      if (wrong.length > 0) console.error(wrong.join("\n"));
      expect(wrong).toEqual([]);
      expect(done).toBeGreaterThan(SECONDS);
      await parallel(containers.length, COMMANDS, async (i) => {
        await box.ok(["delete", "--force", containers[i]!.id]);
      });
      expect(box.containers()).toEqual([]);
      await box.untilGone();
      await untilAsBefore(caller.uid, before);
    }, 3600000);

    test("a foreground container's processes do not grow with what is done to it", async () => {
      await using box = new Sandbox(subject);
      const id = box.name();
      const bundle = box.bundle((spec) => {
        spec.process.terminal = true;
        spec.process.args = [
          "/bin/sh",
          "-c",
          "trap 'echo x' USR1; echo up; while :; do sleep 1000 & wait; done",
        ];
      });
      await using session = box.terminal(["run", "--bundle", bundle, id]);
      await until("it is up", () => session.text().includes("up"));
      const { pid } = await box.inspect(id);
      const round = async (): Promise<void> => {
        await box.ok(["exec", id, "/bin/true"]);
        session.resize(80 + (pid % 7), 24);
        session.kill("SIGWINCH");
      };
      await round();
      const before = [size(session.pid), size(pid)];
      for (let i = 0; i < (FULL ? 200 : 20); i++) await round();
      const after = [size(session.pid), size(pid)];
      before.forEach(({ rss, fds }, i) => {
        expect(after[i]!.fds).toBe(fds);
        expect(after[i]!.rss - rss).toBeLessThan(64);
      });
      await box.ok(["kill", id, "KILL"]);
      expect(await session.exited).toBe(137);
    }, 3600000);
  });
}
