/**
 * brun beside the runc that is installed: the same commands on containers in the same states end with the same exit
 * code, and say the words by which clients know an error; what is printed has the same form.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { callers, installed } from "./support/caller.ts";
import type { RuntimeName, Subject } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";

type Status = "missing" | "created" | "running" | "stopped";

/** A command line, in which ID stands for the container, and what its error has to say with both runtimes. */
type Case = readonly [status: Status, argv: readonly string[], words: string];

const CASES: readonly Case[] = [
  ["missing", ["state", "ID"], "container does not exist"],
  ["missing", ["start", "ID"], "container does not exist"],
  ["missing", ["kill", "ID", "TERM"], "container does not exist"],
  ["missing", ["kill", "--all", "ID", "9"], "container does not exist"],
  ["missing", ["delete", "ID"], "container does not exist"],
  ["missing", ["delete", "--force", "ID"], ""],
  ["missing", ["exec", "ID", "true"], "container does not exist"],
  ["missing", ["ps", "ID"], "container does not exist"],
  ["missing", ["pause", "ID"], "container does not exist"],
  ["missing", ["resume", "ID"], "container does not exist"],
  ["missing", ["events", "--stats", "ID"], "container does not exist"],
  ["missing", ["update", "--pids-limit", "5", "ID"], "container does not exist"],
  ["missing", ["create", "a/b"], "invalid container ID format"],
  ["missing", ["create", ".."], "invalid container ID format"],
  ["missing", ["state"], '"state" requires exactly 1 argument(s)'],
  ["missing", ["kill"], '"kill" requires a minimum of 1 argument(s)'],
  ["missing", ["kill", "a", "b", "c"], '"kill" requires a maximum of 2 argument(s)'],
  ["missing", ["list", "--format", "xml"], "invalid format option"],
  ["missing", ["checkpoint", "--status-fd", "-1", "ID"], "container does not exist"],
  ["missing", ["nonsense"], "No help topic for 'nonsense'"],
  ["missing", ["state", "--nonsense", "ID"], "flag provided but not defined"],
  ["created", ["create", "ID"], "container with given ID already exists"],
  ["created", ["list", "--quiet", "--format", "xml"], ""],
  ["created", ["resume", "ID"], "container not paused"],
  ["created", ["kill", "ID", "NONSENSE"], 'unknown signal "NONSENSE"'],
  ["created", ["start", "ID"], ""],
  ["created", ["delete", "ID"], ""],
  ["created", ["delete", "--force", "ID"], ""],
  ["created", ["kill", "ID", "KILL"], ""],
  ["running", ["start", "ID"], "cannot start an already running container"],
  ["running", ["delete", "ID"], "that is not stopped: running"],
  ["running", ["delete", "--force", "ID"], ""],
  ["running", ["run", "ID"], "container with given ID already exists"],
  ["running", ["resume", "ID"], "container not paused"],
  ["running", ["kill", "ID", "0"], ""],
  ["running", ["kill", "ID", "sigusr1"], ""],
  ["running", ["exec", "ID", "/no/such/program"], "no such file or directory"],
  ["running", ["exec", "ID", "nothing-by-this-name"], "executable file not found in $PATH"],
  ["running", ["exec", "ID", "/etc/passwd"], "permission denied"],
  ["running", ["exec", "--user", "x", "ID", "true"], ""],
  ["running", ["exec", "ID"], "args cannot be empty"],
  ["running", ["exec", "--cwd", "bin", "ID", "true"], "absolute path"],
  ["running", ["events", "--stats", "--interval", "-1s", "ID"], "duration interval must be greater than 0"],
  ["running", ["exec", "ID", "sh", "-c", "exit 3"], ""],
  ["running", ["exec", "ID", "sh", "-c", "kill -TERM $$"], ""],
  ["stopped", ["start", "ID"], "cannot start a container that has stopped"],
  ["stopped", ["kill", "ID", "TERM"], "container not running"],
  ["stopped", ["kill", "--all", "ID", "KILL"], ""],
  ["stopped", ["exec", "ID", "true"], "cannot exec in a stopped container"],
  ["stopped", ["pause", "ID"], "container not running"],
  ["stopped", ["resume", "ID"], "container not paused"],
  ["stopped", ["events", "--stats", "ID"], "is not running"],
  ["stopped", ["update", "--pids-limit", "5", "ID"], "container not running"],
  ["stopped", ["delete", "ID"], ""],
  ["stopped", ["delete", "--force", "ID"], ""],
];

/** Brings a new container into a status. */
async function reach(box: Sandbox, status: Status, bundle: string): Promise<string> {
  const id = box.name();
  if (status === "missing") return id;
  await box.ok(["create", "--bundle", bundle, id]);
  if (status === "created") return id;
  await box.ok(["start", id]);
  if (status === "running") return id;
  await box.ok(["kill", id, "KILL"]);
  await box.untilStatus(id, "stopped");
  return id;
}

interface Answer {
  readonly argv: readonly string[];
  readonly code: number | null;
  /** Whether the error says the words. */
  readonly says: boolean | string;
}

/** All cases of a status with one runtime. */
async function answers(subject: Subject, status: Status): Promise<Answer[]> {
  await using box = new Sandbox(subject);
  const bundle = box.bundle((spec) => {
    spec.process.args = ["/bin/sleep", "1000"];
  });
  const found: Answer[] = [];
  for (const [, argv, words] of CASES.filter((row) => row[0] === status)) {
    const id = await reach(box, status, bundle);
    const line = argv.map((word) => (word === "ID" ? id : word));
    const { code, stderr } = await box.call(line, { cwd: bundle });
    // runc's log lines are quoted.
    const said = stderr.replaceAll('\\"', '"');
    found.push({ argv, code, says: said.includes(words) || said });
    await box.call(["delete", "--force", id]);
  }
  return found;
}

const CALLERS = callers();
const subject = (runtime: RuntimeName, caller: (typeof CALLERS)[number]): Subject => ({
  runtime,
  caller,
  label: runtime,
  unavailable: undefined,
});

for (const caller of CALLERS) {
  describe.skipIf(!installed("runc"))(`as ${caller.name}`, () => {
    const [brun, runc] = [subject("brun", caller), subject("runc", caller)];

    test.each(["missing", "created", "running", "stopped"] as const)(
      "a container that is %s",
      async (status) => {
        const [ours, theirs] = await Promise.all([answers(brun, status), answers(runc, status)]);
        expect(ours).toEqual(theirs);
        expect(ours.filter(({ says }) => says !== true)).toEqual([]);
      },
    );

    test("state and list print the same fields in the same order", async () => {
      const shapes = await Promise.all(
        [brun, runc].map(async (who) => {
          await using box = new Sandbox(who);
          const id = await box.detached();
          const state = await box.ok(["state", id]);
          const list = await box.ok(["list", "--format", "json"]);
          const table = await box.ok(["list"]);
          return {
            state: Object.keys(JSON.parse(state)),
            stateEnd: state.slice(-2),
            list: Object.keys(JSON.parse(list)[0]),
            listEnd: list.slice(-2),
            titles: table.split("\n")[0]!.split(/ +/),
            quiet: (await box.ok(["list", "-q"])) === `${id}\n`,
          };
        }),
      );
      expect(shapes[0]).toEqual(shapes[1]!);
    });

    test("spec writes the same config, but for the version and what is tried of the host name", async () => {
      const written = await Promise.all(
        [brun, runc].flatMap((who) =>
          [[], ["--rootless"]].map(async (flags) => {
            await using box = new Sandbox(who);
            await box.ok(["spec", ...flags]);
            const text = readFileSync(`${box.dir}/config.json`, "utf8");
            const config = JSON.parse(text);
            // Later versions of runc have no ambient capabilities in it.
            delete config.process.capabilities.ambient;
            const { ociVersion: _, hostname: __, annotations: ___, ...rest } = config;
            return [JSON.stringify(rest), text.split("\n")[2]!.match(/^\s*/)![0]];
          }),
        ),
      );
      expect(written[0]).toEqual(written[2]!);
      expect(written[1]).toEqual(written[3]!);
    });

    test("the log has the same fields in the same order", async () => {
      const lines = await Promise.all(
        [brun, runc].map(async (who) => {
          await using box = new Sandbox(who);
          const log = box.file("log", "");
          await box.call(["state", "nope"], { globals: ["--log", log, "--log-format", "json"] });
          const { level, msg, time } = JSON.parse(readFileSync(log, "utf8").trim().split("\n").at(-1)!);
          return {
            level,
            exists: !msg.includes("does not exist"),
            time: /^\d{4}(-\d\d){2}T[\d:]{8}/.test(time),
          };
        }),
      );
      expect(lines[0]).toEqual(lines[1]!);
    });
  });
}

describe.skipIf(!installed("runc") || CALLERS.length < 2)("statistics", () => {
  test("events --stats has every field that runc has", async () => {
    const root = CALLERS.find(({ name }) => name === "root")!;
    const paths = (value: unknown, at = ""): string[] =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? Object.entries(value).flatMap(([key, below]) => [`${at}${key}`, ...paths(below, `${at}${key}.`)])
        : [];
    const [ours, theirs] = await Promise.all(
      [subject("brun", root), subject("runc", root)].map(async (who) => {
        await using box = new Sandbox(who);
        const id = await box.detached();
        return paths(JSON.parse(await box.ok(["events", "--stats", id])));
      }),
    );
    // Counters of the kernel's own, and what later versions of runc leave out when it is 0.
    const wanted = theirs!.filter(
      (path) => !path.startsWith("data.memory.raw.") && path !== "data.cpu.throttling",
    );
    expect(wanted.filter((path) => !ours!.includes(path))).toEqual([]);
  });
});
