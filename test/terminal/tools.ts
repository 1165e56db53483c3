/** Programs that people have on a terminal, as data: how to see that they run, and how to leave them. */
import { installed } from "../support/caller.ts";

export interface Tool {
  readonly name: string;
  readonly argv: readonly string[];
  /** What the screen shows when it runs. */
  readonly up: RegExp;
  /** What ends it properly; Ctrl-C unless given. */
  readonly quit?: string;
  /** It has job control, or takes Ctrl-Z itself, for which it needs a terminal of its own: -t. */
  readonly ownTerminal?: true;
  /** Events after which it ends in several ways, or not at all. */
  readonly without?: readonly string[];
}

/** A shell ignores SIGTERM; SIGKILL, which comes then, leaves the state of its container. */
const IGNORES = ["kill", "timeout"];

/** Says that it runs, and becomes the program. */
const saying = (...words: string[]) => ["sh", "-c", 'echo it runs; exec "$@"', "sh", ...words];
const RUNS = /it runs\r\n/;

/** FILE is the test's. */
const all: readonly Tool[] = [
  { name: "sleep", argv: saying("sleep", "1000"), up: RUNS },
  { name: "cat", argv: saying("cat"), up: RUNS, quit: "\x04" },
  { name: "tail -f", argv: ["tail", "-f", "FILE"], up: /line 3\r\n/ },
  { name: "a pipe of programs", argv: ["sh", "-c", "echo it runs; sleep 1000 | cat"], up: RUNS },
  {
    name: "bash",
    argv: ["bash", "--norc", "--noprofile"],
    up: /inside> |bash-[\d.]+[#$] /,
    quit: "exit 7\r",
    ownTerminal: true,
    without: IGNORES,
  },
  {
    name: "busybox sh",
    argv: ["busybox", "sh"],
    up: /inside> /,
    quit: "exit 7\r",
    ownTerminal: true,
    without: IGNORES,
  },
  { name: "busybox vi", argv: ["busybox", "vi", "FILE"], up: /line 3/, quit: ":q!\r" },
  { name: "busybox less", argv: ["busybox", "less", "FILE"], up: /line 3/, quit: "q", without: ["Ctrl-Z"] },
  { name: "busybox top", argv: ["busybox", "top"], up: /PID/, quit: "q" },
  { name: "node", argv: ["node", "-e", "console.log('it runs'); setInterval(() => {}, 1000)"], up: RUNS },
  { name: "less", argv: ["less", "FILE"], up: /line 3/, quit: "q" },
  { name: "top", argv: ["top"], up: /PID/, quit: "q", ownTerminal: true },
  { name: "vim", argv: ["vim", "-n", "-u", "NONE", "FILE"], up: /line 3/, quit: ":q!\r", ownTerminal: true },
];

const program = ({ argv }: Tool): string => (argv[0] === "sh" ? (argv[4] ?? "sh") : argv[0]!);

/** Those of which the machine has the program: ten at least are of programs that the other tests need, too. */
export const tools: readonly Tool[] = all.filter((tool) => installed(program(tool)));
