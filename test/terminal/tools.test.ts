/**
 * Programs on a terminal, typed at by a driver: each key and signal has to do with brun in front of them what it does
 * without. A shell with job control around both says what became of them.
 */
import { describe, expect, test } from "bun:test";
import { installed, ownedDir } from "../support/caller.ts";
import { killHard, PATIENCE, processesOf } from "../support/processes.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import { shows, TerminalSession } from "../support/terminal.ts";
import { type Tool, tools } from "./tools.ts";

/** How long something that does not happen is waited for. */
const MOMENT_MS = 1000 * PATIENCE;

/** Each session takes seconds: npm test makes those of some programs, and npm run test:terminal all. */
const FULL = process.env.BRUN_TERMINAL === "full";
const SAMPLE = new Set(["sleep", "bash", "busybox vi", "less"]);

const EVENTS = ["quit", "Ctrl-C", "Ctrl-\\", "Ctrl-Z", "hang-up", "kill", "timeout"] as const;
type Event = (typeof EVENTS)[number];

const quoted = (words: readonly string[]) =>
  words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");

/** Whether the screen shows it within a moment. */
async function comes(session: TerminalSession, from: number, wanted: RegExp): Promise<boolean> {
  const deadline = performance.now() + MOMENT_MS;
  while (performance.now() < deadline) {
    if (wanted.test(session.text().slice(from))) return true;
    await Bun.sleep(10);
  }
  return false;
}

// Each session takes seconds; what a caller is makes no difference to a terminal.
for (const subject of subjects(["brun"]).slice(0, 1)) {
  const { caller } = subject;

  /** What stands before the program; nothing without brun. */
  type Form = (
    box: Sandbox,
    flags: readonly string[],
    program: readonly string[],
  ) => Promise<readonly string[]>;

  const run =
    (...form: string[]): Form =>
    async (box, flags, program) =>
      box.argv(["run", ...form, ...flags, "--", ...program]).slice(caller.prefix.length);

  const forms: Readonly<Record<string, Form>> = {
    "--host": run("--host"),
    "--rootfs": run("--rootfs", "/"),
    "a bundle": async (box, flags, program) => {
      const config = await box.ok(["run", "--print-config", "--host", ...flags, "--", ...program]);
      const bundle = ownedDir(caller, `${box.dir}/${box.name()}`);
      box.file(`${bundle.slice(box.dir.length + 1)}/config.json`, config);
      return box.argv(["run", "--bundle", bundle, box.name()]).slice(caller.prefix.length);
    },
  };

  const environment = (box: Sandbox) => ({
    ...box.env,
    PS1: "inside> ",
    LESS: "",
    HISTFILE: "/dev/null",
    // An interactive shell would read it.
    ENV: "",
  });

  /** What an event does to a program, in words. */
  async function outcome(box: Sandbox, tool: Tool, event: Event, words: readonly string[]): Promise<string> {
    const env = environment(box);
    if (event === "hang-up" || event === "kill") {
      await using session = new TerminalSession([...caller.prefix, ...words], env, box.dir);
      await shows(session, tool.up);
      await Bun.sleep(100);
      if (event === "kill") session.kill("SIGTERM");
      else session.hangUp();
      const ended = await Promise.race([session.exited, Bun.sleep(MOMENT_MS).then(() => "goes on" as const)]);
      // A program whose terminal goes may see that before the signal: both are an end.
      return event === "hang-up" && ended !== "goes on" ? "ends" : `${ended}`;
    }
    const shell = [...caller.prefix, "bash", "--norc", "--noprofile", "-i"];
    const outside = { ...env, PS1: "outside> ", PROMPT_COMMAND: 'echo "code $?"' };
    await using session = new TerminalSession(shell, outside, box.dir);
    await shows(session, "outside> ");
    const typed = event === "timeout" ? ["timeout", "--foreground", "-k", "1", "2.5", ...words] : words;
    let from = session.text().length;
    // The shell's own prompt is not the program's.
    session.write(`PS1='ins''ide> ' PROMPT_COMMAND= ${quoted(typed)}\r`);
    await shows({ text: () => session.text().slice(from), write: () => {} }, tool.up);
    await Bun.sleep(100);
    // Some leave the terminal without newlines as the shell has them.
    const ended = /code (\d+)\r?\n/;
    const ends = async () => {
      const found = (await comes(session, from, ended)) && ended.exec(session.text().slice(from));
      return found ? `code ${found[1]}` : "goes on";
    };
    const type = (text: string) => {
      from = session.text().length;
      session.write(text);
    };
    const leave = async (before: string) => {
      for (let i = 0; i < 3; i++) {
        type(tool.quit ?? "\x03");
        const result = await ends();
        if (result !== "goes on") return `${before}, then ${result}`;
      }
      return `${before}, and does not end`;
    };
    switch (event) {
      case "timeout":
        for (let i = 0; i < 5 && !(await comes(session, from, ended)); i++);
        return await ends();
      case "quit":
        return await leave("runs");
      case "Ctrl-Z": {
        type("\x1a");
        if (!(await comes(session, from, /Stopped.*code 14[78]\r?\n/s))) return await leave("goes on");
        type("fg\r");
        await Bun.sleep(300);
        return await leave("stops, goes on");
      }
      default: {
        type(event === "Ctrl-C" ? "\x03" : "\x1c");
        const result = await ends();
        return result === "goes on" ? await leave(result) : result;
      }
    }
  }

  /** How far a shell's loop over the program comes with a key: "1 of 3". */
  async function rounds(box: Sandbox, shell: string, key: string, words: readonly string[]): Promise<string> {
    const outside = [...caller.prefix, ...shell.split(" ")];
    const env = { ...environment(box), PS1: "outside> ", PROMPT_COMMAND: "" };
    await using session = new TerminalSession(outside, env, box.dir);
    await shows(session, "outside> ");
    session.write(`for i in 1 2 3; do ${quoted(words)} $i; done\r`);
    for (let round = 1; ; round++) {
      await shows(session, new RegExp(`up ${round}\r\n`));
      const from = session.text().length;
      await Bun.sleep(100);
      session.write(key);
      await shows({ text: () => session.text().slice(from), write: () => {} }, /outside> |up \d\r\n/);
      if (session.text().slice(from).includes("outside> ")) return `${round} of 3`;
    }
  }

  /** The events that the forms besides --host are tried with: what does not hang on the program is the same there. */
  const some = new Set(["sleep", "bash"]);

  describe(subject.label, () => {
    test(
      "a shell's loop: left by Ctrl-C, not by Ctrl-\\, as without brun",
      async () => {
        await using box = new Sandbox(subject);
        const program = ["sh", "-c", 'echo up "$1"; exec sleep 1000', "sh"];
        for (const shell of ["bash --norc --noprofile -i", "dash -i"].filter((s) =>
          installed(s.split(" ")[0]!),
        )) {
          const keys = shell.startsWith("bash") ? ["\x03", "\x1c"] : ["\x03"];
          for (const key of keys) {
            const plain = await rounds(box, shell, key, program);
            expect(plain).toBe(key === "\x03" ? "1 of 3" : "3 of 3");
            // A bundle has no words of the loop, and runc's exit codes.
            for (const form of [forms["--host"]!, forms["--rootfs"]!]) {
              for (const flags of [["-i"], ["-i", "-t"]]) {
                const wrapped = await rounds(box, shell, key, await form(box, flags, program));
                expect({ shell, key, flags, rounds: wrapped }).toEqual({ shell, key, flags, rounds: plain });
              }
            }
          }
        }
        await box.untilGone();
      },
      120_000 * PATIENCE,
    );

    test("Ctrl-C at once, when brun is no supervisor yet: nothing is left", async () => {
      await using box = new Sandbox(subject);
      const program = ["sh", "-c", "echo up; exec sleep 1000"];
      for (let i = 0; i < 5; i++) {
        const words = await forms["--host"]!(box, ["-i"], program);
        const env = { ...environment(box), BRUN_FRONT: "off" };
        await using session = new TerminalSession([...caller.prefix, ...words], env, box.dir);
        await shows(session, "up\r\n");
        session.write("\x03");
        await session.exited;
        await box.untilGone();
        expect(box.containers().filter((name) => !name.startsWith("@"))).toEqual([]);
      }
    });

    for (const tool of tools) {
      const chosen = Object.entries(forms).filter(([form]) => form === "--host" || some.has(tool.name));
      test.skipIf(!FULL && !SAMPLE.has(tool.name))(
        `${tool.name}: as without brun, by ${chosen.map(([form]) => form).join(", ")}`,
        async () => {
          await using box = new Sandbox(subject);
          const events = EVENTS.filter((event) => !tool.without?.includes(event));
          const lines = Array.from({ length: 200 }, (_, i) => `line ${i + 1}\n`).join("");
          const file = box.file("file", lines);
          // Shells would read theirs; the last lines are what tail shows.
          const tail = box.file("tail", "line 1\nline 2\nline 3\n");
          const program = tool.argv.map((word) =>
            word === "FILE" ? (tool.name === "tail -f" ? tail : file) : word,
          );
          const plain = await Promise.all(events.map((event) => outcome(box, tool, event, program)));
          // What a shell leaves behind that is killed, brun does not.
          for (const { pid } of processesOf(box.dir)) killHard(pid);
          for (const [form, wordsOf] of chosen) {
            for (const flags of tool.ownTerminal ? [["-i", "-t"]] : [["-i"], ["-i", "-t"]]) {
              const all = await Promise.all(
                events.map(async (event) => outcome(box, tool, event, await wordsOf(box, flags, program))),
              );
              const named = (list: readonly string[]) => events.map((event, i) => `${event}: ${list[i]}`);
              expect({ form, flags, outcomes: named(all) }).toEqual({ form, flags, outcomes: named(plain) });
              await box.untilGone();
              expect(box.containers().filter((name) => !name.startsWith("@"))).toEqual([]);
            }
          }
        },
        120_000 * PATIENCE,
      );
    }
  });
}
