/** Describes programs for people: for `brun explain`, and for the golden files of src/init. */
import { quoted } from "../printable.ts";
import { errnoName } from "../sys/errno.ts";
import { O } from "../sys/fs.ts";
import { members } from "../sys/members.ts" with { type: "macro" };
import { ArgType, Target } from "./abi.ts";
import { ANY, type Label, type Op, type Value } from "./program.ts";
import { phrase } from "./step.ts";

type Flags = Readonly<Record<string, number>>;

/** The names of the bits in `value`, and the remaining bits as a number. */
function flagNames(value: number, flags: Flags): string {
  const names: string[] = [];
  let rest = value;
  for (const [name, bit] of Object.entries(flags)) {
    if (bit === 0 || (rest & bit) !== bit) continue;
    names.push(name);
    rest &= ~bit;
  }
  if (rest !== 0) names.push(`0x${(rest >>> 0).toString(16)}`);
  return names.length === 0 ? "0" : names.join("|");
}

function constantName(value: number, constants: Flags): string {
  return Object.entries(constants).find(([, n]) => n === value)?.[0] ?? `${value}`;
}

const CLONE = members("CLONE");
const IOCTL = members("IOCTL");
const MS = members("MS");
const MESSAGE = members("Message");
const PR = members("PR");
const RESOLVE = members("RESOLVE");
const AT: Flags = { SYMLINK_NOFOLLOW: 0x100, EACCESS: 0x200, EMPTY_PATH: 0x1000, RECURSIVE: 0x8000 };
const OPEN_TREE: Flags = { CLONE: 1, CLOEXEC: O.CLOEXEC, EMPTY_PATH: 0x1000, RECURSIVE: 0x8000 };
const MOVE: Flags = { F_EMPTY_PATH: 4, T_EMPTY_PATH: 0x40 };
const UMOUNT: Flags = { DETACH: 2 };
const octal = (value: number) => (value < 8 ? `${value}` : `0${value.toString(8)}`);

/** How numeric arguments of system calls are printed, by the call's name and the argument's position. */
const formats: Readonly<Record<string, Readonly<Record<number, (value: number) => string>>>> = {
  openat: { 2: (v) => flagNames(v, O), 3: octal },
  open_tree: { 2: (v) => flagNames(v, OPEN_TREE) },
  mount: { 3: (v) => flagNames(v, MS) },
  move_mount: { 4: (v) => flagNames(v, MOVE) },
  mount_setattr: { 2: (v) => flagNames(v, AT) },
  umount2: { 1: (v) => flagNames(v, UMOUNT) },
  unshare: { 0: (v) => flagNames(v, CLONE) },
  setns: { 1: (v) => flagNames(v, CLONE) },
  statx: { 2: (v) => flagNames(v, AT) },
  fchownat: { 4: (v) => flagNames(v, AT) },
  unlinkat: { 2: (v) => flagNames(v, { REMOVEDIR: 0x200 }) },
  prctl: { 0: (v) => constantName(v, PR) },
  ioctl: { 1: (v) => constantName(v, IOCTL) },
  umask: { 0: octal },
  mknodat: { 2: octal },
  close_range: { 1: (v) => (v === 0xffffffff ? "all" : `${v}`), 2: (v) => flagNames(v, { CLOEXEC: 4 }) },
};

const DIRFD_CWD = -100;

function argument(op: Op, value: Value, index: number): string {
  if (value === null) return "null";
  if (typeof value === "bigint") return value > 0xffffn ? `0x${value.toString(16)}` : `${value}`;
  if (typeof value === "number") {
    if (value === DIRFD_CWD) return "cwd";
    return formats[op.name]?.[index]?.(value) ?? `${value}`;
  }
  if (value.type === ArgType.slot) return `%${value.at}`;
  if (value.type === ArgType.string) return quoted(value.text);
  if (value.type === ArgType.immediate) return value.text;
  return `<${value.text}>`;
}

function call(op: Op): string {
  const args = op.args.map((value, i) => argument(op, value, i));
  const number = (i: number) => Number(op.args[i]);
  switch (op.kind) {
    case "syscall":
      return `${op.name}(${args.join(", ")})`;
    case "clone":
      return `clone(${flagNames(number(0), CLONE)}${number(1) === -1 ? "" : `, cgroup ${args[1]}`})`;
    case "send": {
      const fd = args[1] === "-1" ? "" : ` with ${args[1]}`;
      if (number(0) === 0) return `await ${constantName(number(2), MESSAGE)}`;
      const answer = number(2) === 0 ? "" : `, await ${constantName(number(2), MESSAGE)}`;
      return `send ${constantName(number(0), MESSAGE)}${fd}${answer}`;
    }
    case "check":
      return `check ${args[0]} & ${args[2]} = ${args[3]}, else ${errnoName(number(4))}`;
    case "poke":
      return number(2) === 0 ? `fd path of ${args[1]}` : `${args[0]} = ${args[1]}`;
    case "spawn":
      return `spawn ${args[0]}, stdin ${args[1]}, time-out ${number(2) < 0 ? "none" : `${args[2]} ms`}`;
    case "bits":
      return `for each bit ${number(1) & 8 ? "not in" : "of"} 0x${number(0).toString(16)}: ${op.name}(${bitArguments(op)})`;
    case "target":
      return `target(${args[0]}, ${args[1]}, ${flagNames(number(2), RESOLVE)}, ${number(3) & Target.file ? "file" : "dir"})`;
    case "cloexec":
      return `mark descriptors from ${args[1]} close-on-exec by ${args[0]}`;
    case "remount":
      return `remount ${args[0]}, set ${flagNames(number(2), MS)}, clear ${flagNames(number(3), MS)}`;
    case "alive":
      return `alive(${args.join(", ")})`;
    case "find":
      return `find ${args[0]} in ${args[1]}`;
    case "write":
      return `write ${args[2]} bytes to ${args[0]}: ${args[1]}`;
    case "init":
      return "clone: the child goes on, this process is its init";
    case "execute":
      return `execute ${args[0]} in ${args[1]} with ${args[2]}, ${args[3]}`;
    case "copy":
      return `copy ${args[0]} to ${args[1]}, ${number(2) === 2 ? args[3] : number(2) === 1 ? "the contents" : "the mode"}`;
    case "mode":
      return `${args[0]} = mode of ${args[1]}`;
    case "home":
      return `${args[0]} = home directory of uid ${args[1]} by ${args[2]}`;
  }
}

function bitArguments(op: Op): string {
  const at = Number(op.args[1]) & 7;
  return op.args
    .slice(2)
    .map((value, i) => (i + 2 === at ? "bit" : argument({ ...op, kind: "syscall" }, value, i)))
    .join(", ");
}

function policy(op: Op, index: number): string {
  const place = (label: Label | undefined) =>
    label === undefined || label.at === index + 1 ? "" : `${label.at}`;
  const parts: string[] = [];
  if (op.handle !== undefined && op.handle.length > 0) {
    const names = op.handle.includes(ANY) ? "any error" : op.handle.map(errnoName).join(" ");
    const to = place(op.orElse);
    parts.push(to === "" ? `ignore ${names}` : `on ${names} go to ${to}`);
  }
  const then = place(op.andThen);
  if (then !== "") parts.push(`then go to ${then}`);
  if (op.close !== undefined) parts.push(`close ${op.close.map((s) => `%${s.at}`).join(" ")}`);
  return parts.length === 0 ? "" : `  [${parts.join("; ")}]`;
}

/** One operation on one line, without its number. */
export function describeOp(op: Op, index: number): string {
  const out = op.out === undefined ? "" : `%${op.out.at} = `;
  return `${out}${call(op)}${policy(op, index)}`;
}

/** A recorded program: a heading for each step, followed by its operations. */
export function describeProgram(ops: readonly Op[]): string {
  const lines: string[] = [];
  let heading = "";
  ops.forEach((op, i) => {
    const next = op.where === "" ? phrase(op.step) : `${op.where}: ${phrase(op.step)}`;
    if (next !== heading) lines.push(next);
    heading = next;
    lines.push(`${`${i}`.padStart(6)}  ${describeOp(op, i)}`);
  });
  return `${lines.join("\n")}\n`;
}
