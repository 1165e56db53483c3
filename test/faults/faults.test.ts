/**
 * Each system call of a command fails once, and brun is killed before each: the command ends, says in one line what
 * it was doing, and after `delete --force` nothing is left. BRUN_FAULTS=full takes every call
 * (`npm run test:faults`), otherwise some are taken, the same each time unless BRUN_FAULTS_SEED says others.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { E } from "../../src/sys/errno.ts";
import { NR, syscallName } from "../../src/sys/syscalls.ts";
import { cachedPlans } from "../support/cached.ts";
import { isRoot } from "../support/caller.ts";
import { compiled } from "../support/compiled.ts";
import { HAS_FRONT, REPORT } from "../support/front.ts";
import { killHard, processesOf } from "../support/processes.ts";
import { subjects } from "../support/runtime.ts";
import { type Outcome, Sandbox } from "../support/sandbox.ts";

const FULL = process.env.BRUN_FAULTS === "full";
const SEED = Number(process.env.BRUN_FAULTS_SEED ?? 1);
const HOWS = FULL ? [E.ENOMEM, E.EPERM, "kill"] : [E.ENOMEM, "kill"];
/** A command under ptrace takes a tenth of a second; what takes this long hangs. */
const HANG_MS = 20000;

interface Scenario {
  readonly command: string;
  /** Who does it: the front, whose calls count then, or Bun. */
  readonly by?: "front";
  /** Makes what the command needs. */
  readonly before: (box: Sandbox, bundle: string, id: string) => Promise<unknown>;
  readonly args: (bundle: string, id: string) => string[];
  /** Only for an ordinary user. */
  readonly ofUser?: true;
  /** The program gets a terminal. */
  readonly terminal?: true;
  /** How many calls a sample takes with each kind of failure. */
  readonly sample: number;
}

/** Plans are written down for exec only in containers without a cgroup, which root's have on some machines. */
const WITHOUT_CGROUP = { globals: ["--cgroup-manager=disabled"] };

const created = (box: Sandbox, bundle: string, id: string) =>
  box.ok(["create", "--bundle", bundle, id], WITHOUT_CGROUP);
const running = (box: Sandbox, bundle: string, id: string) =>
  box.ok(["run", "--detach", "--bundle", bundle, id], WITHOUT_CGROUP);
const nothing = () => Promise.resolve();
/** The front makes what Bun has made before. */
const known = async (box: Sandbox, bundle: string, id: string) => {
  if (cachedPlans(box).length === 0) await box.ok(["run", "--bundle", bundle, `${id}-before`]);
};

const knownDetached = async (box: Sandbox, bundle: string, id: string) => {
  if (cachedPlans(box).length > 0) return;
  await box.ok(["run", "-d", "--bundle", bundle, `${id}-before`]);
  await box.ok(["delete", "--force", `${id}-before`]);
};

/** A global flag that changes nothing, and that the front does not know. */
const BY_BUN = "--rootless=auto";

const RUN: readonly Scenario[] = [
  { command: "run", before: nothing, args: (b, id) => ["run", "--bundle", b, id], sample: 4 },
  { command: "create", before: nothing, args: (b, id) => ["create", "--bundle", b, id], sample: 2 },
];
const LATER: readonly Scenario[] = [
  { command: "start", before: created, args: (_, id) => ["start", id], sample: 2 },
  { command: "exec", before: running, args: (_, id) => ["exec", id, "/bin/echo", "ran"], sample: 3 },
  { command: "state", before: created, args: (_, id) => ["state", id], sample: 1 },
  { command: "kill", before: running, args: (_, id) => ["kill", id, "KILL"], sample: 2 },
  { command: "delete", before: running, args: (_, id) => ["delete", "--force", id], sample: 2 },
];
const SCENARIOS: readonly Scenario[] = [
  ...[...RUN, ...LATER].map((s) => ({ ...s, args: (b: string, id: string) => [BY_BUN, ...s.args(b, id)] })),
  { ...RUN[0]!, by: "front", before: known, ofUser: true, sample: 8 },
  { ...RUN[0]!, by: "front", before: known, ofUser: true, terminal: true, sample: 4 },
  {
    command: "run --detach",
    by: "front",
    before: knownDetached,
    args: (b, id) => ["run", "-d", "--bundle", b, id],
    ofUser: true,
    sample: 4,
  },
  // All of the calls of start, which are few.
  ...LATER.map((s) => ({ ...s, by: "front" as const, ...(s.command === "start" && { sample: 12 }) })),
];

/** What receives is always chosen: how it fails is for two processes to agree on. */
const RECEIVING: readonly number[] = [NR.recvfrom, NR.recvmsg];

/** Numbers from 1: of all calls, or of `count` spread over them by the seed, and of those that receive. */
function chosen(calls: readonly number[], count: number): number[] {
  const all = calls.map((_, i) => i + 1);
  if (FULL) return all;
  const spread = Array.from({ length: count }, (_, i) =>
    Math.floor((calls.length * (i + ((SEED * (i + 7)) % 97) / 97)) / count),
  );
  return all.filter((which) => spread.includes(which - 1) || RECEIVING.includes(calls[which - 1]!));
}

/** The number of a call that nobody has said. */
const UNKNOWN = 9999;

const hung = (error: Error): Outcome => ({
  code: null,
  signal: "SIGKILL",
  stdout: "",
  stderr: error.message,
});

/**
 * What is wrong with how a command ended; "" when nothing is.
 * @param ran how often its program is to say that it ran; null: what it says may be lost on its way through a terminal
 */
function complaint({ code, stdout, stderr }: Outcome, ran: number | null, killed: boolean): string {
  const lines = stderr.split("\n").filter((line) => line !== "" && !line.startsWith("brun: warning: "));
  if (code === null) return "hangs";
  const runs = stdout.split("\n").filter((line) => line.trim() === "ran").length;
  if (runs > 1) return "runs more than once";
  if (killed) return lines.length <= 1 ? "" : "says more than a line";
  if (code === 0) {
    if (lines.length > 0) return "succeeds with an error";
    return ran !== null && runs !== ran ? "succeeds without a result" : "";
  }
  if (lines.length !== 1) return `says ${lines.length} lines`;
  if (!/^brun: \S+/.test(lines[0]!)) return "does not say who speaks";
  return /undefined|is not |\bat \/|Error:/.test(lines[0]!) ? "says what nobody understands" : "";
}

for (const subject of subjects(["brun"])) {
  describe.skipIf(!HAS_FRONT || (!isRoot && subject.caller.name !== "user"))(subject.label, () => {
    for (const { command, by, before, args, ofUser, terminal, sample } of SCENARIOS) {
      if (ofUser && subject.caller.uid === 0) continue;
      const how = `${terminal ? " on a terminal" : ""}${by === undefined ? "" : " by the front"}`;
      test(`${command}${how}: each call fails, brun is killed before each (seed ${SEED})`, async () => {
        await using box = new Sandbox(subject);
        const bundle = box.bundle((spec) => {
          spec.process.terminal = terminal ?? false;
          spec.process.args = ["/bin/sh", "-c", command === "run" ? "echo ran" : "exec sleep 1000"];
        });
        const ran = terminal ? null : command === "run" || command === "exec" ? 1 : 0;
        const report = `${box.dir}/report`;
        const tool = compiled(`${import.meta.dir}/fault.c`);
        const attempt = async (which: number, how: number | string, id: string, env = {}) => {
          await before(box, bundle, id);
          const options = {
            under: [tool, report, by ?? "bun", `${which}`, `${how}`],
            timeoutMs: HANG_MS,
            env,
          };
          const outcome = await box.call(args(bundle, id), options).catch((error: Error) => error);
          if (outcome instanceof Error) return { outcome: hung(outcome), calls: [], failed: UNKNOWN };
          const [calls = "", failed = "-1"] = readFileSync(report, "utf8").split("\n");
          return { outcome, calls: calls.trim().split(" ").map(Number), failed: Number(failed) };
        };
        const complaints: string[] = [];
        const complain = (what: string): void => {
          complaints.push(what);
          // What the sandbox may find at the end would hide it.
          console.error(what);
        };
        const clean = async (id: string, what: string): Promise<void> => {
          const { code, stderr } = await box.call(["delete", "--force", id]);
          if (code !== 0 || stderr !== "") complain(`${what}: delete: ${code} ${stderr}`);
          await box.untilGone(id).catch((error: Error) => {
            complain(`${what}: ${error.message}`);
            for (const { pid } of processesOf(box.dir)) killHard(pid);
          });
        };

        const whole = box.name();
        const { outcome, calls } = await attempt(0, "kill", whole, by === "front" ? REPORT : {});
        expect(outcome).toMatchObject({ code: 0, stderr: "" });
        expect(calls.length).toBeGreaterThan(10);
        await clean(whole, "no failure");

        for (const how of HOWS) {
          for (const which of chosen(calls, sample)) {
            const id = box.name();
            const { outcome, failed } = await attempt(which, how, id);
            const what = `${command}, call ${which}, ${syscallName(failed)}: ${how}`;
            const wrong = complaint(outcome, ran, how === "kill");
            // Where it took another way this time and was done before, nothing has failed.
            if (wrong !== "" && failed >= 0) complain(`${what}: ${wrong}: ${outcome.code} ${outcome.stderr}`);
            await clean(id, what);
          }
        }
        expect(complaints).toEqual([]);
      }, 3600000);
    }
  });
}
