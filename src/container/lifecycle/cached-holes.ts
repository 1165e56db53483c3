/** The holes in the plan of a container without a bundle: its name, the program with its arguments, the environment. */
import type { ContainerConfig } from "../../config/types.ts";
import { mergedEnvironment } from "../../host/program-environment.ts";
import { AS_NUMBER, Hole, NAME_DIGITS, WHOLE_LIST } from "../../plan/file-abi.ts";
import { holeMark } from "../../plan/hole-mark.ts";
import { layout } from "../../plan/layout.ts" with { type: "macro" };
import type { Program } from "../../plan/program.ts";
import { environment } from "../../sys/environment.ts";
import { utf8 } from "../../sys/utf8.ts";
import { type Kept, parentOf } from "../io/kept-log.ts";
import type { ExecInfo } from "../state/exec-info.ts";
import { execInfoText, type StoredState } from "../state/store.ts";
import type { CachedCommand } from "../types.ts";

/** The holes in the plan of a command. */
export interface OpenHoles {
  /** Holes of the plans of the stage. */
  readonly kinds: readonly Hole[];
  /** Variables that are fixed where the environment is open; null where it is not. */
  readonly fixed: readonly string[] | null;
  /** Words that go before those of the command line. */
  readonly leading: readonly string[];
}

/** A bundle's plan leaves nothing open but what every container has of its own. */
export const NOTHING_OPEN: OpenHoles = { kinds: [], fixed: null, leading: [] };

/** What a command leaves open; a text with the reason where that cannot be told. */
export function openHoles(
  command: CachedCommand,
  config: ContainerConfig,
  anyDirectory: boolean,
): OpenHoles | string {
  const fixed = command.fixedEnvironment();
  if (fixed !== null && !isMerged(fixed, config)) return "its environment is put together in another way";
  const leading = wordsBefore(command.program, config.spec.process?.args ?? []);
  if (leading === null) return "its program is put together in another way";
  return {
    kinds: [
      ...(command.anyId ? [Hole.id, Hole.hostVariable] : []),
      ...(command.program === null ? [] : [Hole.argument]),
      ...(fixed === null ? [] : [Hole.environment, Hole.home]),
      ...(anyDirectory && command.passesDirectory ? [Hole.cwd] : []),
    ],
    fixed,
    leading,
  };
}

/** The words before those of the command line; null where these are not the last ones. */
function wordsBefore(program: readonly string[] | null, args: readonly string[]): readonly string[] | null {
  if (program === null) return [];
  const count = args.length - program.length;
  return count >= 0 && program.every((word, i) => word === args[count + i]) ? args.slice(0, count) : null;
}

/** Whether the environment is what the front will make of the caller's. HOME by the container's passwd(5) it cannot. */
function isMerged(fixed: readonly string[], { spec, extraEnv }: ContainerConfig): boolean {
  const env = spec.process?.env ?? [];
  const made = mergedEnvironment(environment(), fixed);
  if (extraEnv.length > 0 || !env.some((entry) => entry.startsWith("HOME="))) return false;
  return made.length === env.length && made.every((entry, i) => entry === env[i]);
}

/** In the place of lists that others take the place of: no JSON that brun writes has it. */
const MARKS = [
  [Hole.argument, Hole.argumentList, "\u0001argument"],
  [Hole.environment, Hole.environmentList, "\u0001environment"],
] as const;

/** exec.json with marks for its holes. */
export function openExecInfo(info: ExecInfo, id: string, open: readonly Hole[]): string {
  const isOpen = (hole: Hole) => open.includes(hole);
  const args = isOpen(Hole.argument) ? [MARKS[0][2]] : info.process.args;
  const env = isOpen(Hole.environment) ? [MARKS[1][2]] : info.process.env;
  let text = execInfoText({ ...info, process: { ...info.process, args, env } });
  for (const [hole, list, mark] of MARKS)
    if (isOpen(hole)) text = text.replaceAll(JSON.stringify([mark]), holeMark(list));
  if (isOpen(Hole.cwd))
    text = text.replace(
      JSON.stringify({ cwd: info.process.cwd }).slice(1, -1),
      `"cwd":${holeMark(Hole.cwdText)}`,
    );
  return isOpen(Hole.id) ? text.replaceAll(id, holeMark(Hole.id)) : text;
}

/** state.json with marks for what the next container's has of its own. */
export function openState(state: StoredState): string {
  const { id: _id, created: _c, pid: _p, startTime: _s, bundle, rootfs, kept, ...rest } = state;
  const { version, ociVersion, ...last } = rest;
  const inner = (part: object): string => JSON.stringify(part).slice(1, -1);
  // Hooks have the name among their arguments.
  const more = inner(last).replaceAll(state.id, holeMark(Hole.id));
  return [
    `{${inner({ version, ociVersion })},"id":"${holeMark(Hole.id)}",${inner({ bundle, rootfs })}`,
    `,"created":"${holeMark(Hole.created)}","pid":${holeMark(Hole.pid)}`,
    `,"startTime":"${holeMark(Hole.startTime)}"${more === "" ? "" : `,${more}`}`,
    kept === undefined ? "}" : openKept(kept),
  ].join("");
}

/** The end of state.json where output is kept: the log's directory is called as the container. */
function openKept({ directory, ...manner }: Kept): string {
  const parent = JSON.stringify(`${parentOf(directory)}/`).slice(0, -1);
  const rest = JSON.stringify(manner).slice(1);
  return `,"kept":{"directory":${parent}${holeMark(Hole.id)}",${rest}}`;
}

const header = layout("programHeader");

/** Whether an id that is made up each time is in a program elsewhere than in holes that are open. */
export function hasName(program: Program, id: string, open: readonly Hole[]): boolean {
  return indexOf(withoutHoles(program, open), utf8(id)) >= 0;
}

/** Whether a text of a program begins with a directory, elsewhere than in holes that are open. A variable such as PWD does not. */
export function hasDirectory(program: Program, path: string, open: readonly Hole[]): boolean {
  const rest = withoutHoles(program, open);
  return [path, path.slice(1)].some((text) => indexOf(rest, utf8(`\0${text}`)) >= 0);
}

/** The bytes of a program with zeros in the place of texts and numbers that are holes. */
export function withoutHoles({ bytes, holes }: Program, open: readonly Hole[]): Uint8Array {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const strings = bytes.length - words.getUint32(header.blob, true) + words.getUint32(header.strings, true);
  const rest = bytes.slice();
  for (const { kind, index, at } of holes) {
    // The places of lists and of HOME are in the structs. A text with marks is the same for each container.
    if (!open.includes(kind) || index === WHOLE_LIST || kind === Hole.home || kind === Hole.text) continue;
    if (index === AS_NUMBER) {
      rest.fill(0, at, at + 8);
      continue;
    }
    const from = strings + words.getUint32(at, true);
    rest.fill(0, from, Math.max(from, bytes.indexOf(0, from)));
  }
  return rest;
}

function indexOf(bytes: Uint8Array, what: Uint8Array): number {
  for (let at = bytes.indexOf(what[0]!); at >= 0; at = bytes.indexOf(what[0]!, at + 1))
    if (what.every((byte, i) => bytes[at + i] === byte)) return at;
  return -1;
}

/** How a made-up id begins. */
export function beginOfName(id: string): string {
  return id.slice(0, -NAME_DIGITS);
}
