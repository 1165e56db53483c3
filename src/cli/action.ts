/** Commands whose first argument says what to do: `brun image pull`, `brun sandbox list`, `brun seccomp record`. */
import { BrunError } from "../errors.ts";
import { printable, shellWords } from "../printable.ts";
import { closest } from "./closest.ts";
import type { Command } from "./command.ts";

/**
 * The error for an action that a command does not have.
 * @param rest what follows the action
 * @param hints for words of other tools
 */
export function unknownAction(
  command: string,
  typed: string,
  actions: readonly string[],
  rest: readonly string[] = [],
  hints: Readonly<Record<string, string>> = {},
): BrunError {
  const known = Object.hasOwn(hints, typed) ? hints[typed] : undefined;
  const near = closest(typed, actions);
  const others = actions.length === 1 ? `${actions[0]} is the only one` : `there are ${actions.join(", ")}`;
  return new BrunError(`${command}: there is no action "${printable(typed, true)}"`, {
    code: "ERR_USAGE",
    hint:
      known ??
      (near === undefined
        ? others
        : `did you mean \`${shellWords(["brun", command, near, ...rest])}\`? ${others}`),
  });
}

/** A command's `retell`: for a missing or unknown action the error says so, instead of counting the arguments. */
export function retellAction(
  command: string,
  actions: readonly string[],
  hints: Readonly<Record<string, string>> = {},
): NonNullable<Command["retell"]> {
  return async (error, [typed, ...rest]) => {
    if (!(error instanceof BrunError) || error.code !== "ERR_USAGE") return undefined;
    if (typed === undefined)
      return new BrunError(`${command}: the action is missing`, {
        code: "ERR_USAGE",
        hint: `${actions.join(", ")}; see brun ${command} --help`,
      });
    const isAction = typed.startsWith("-") || actions.includes(typed) || SHORT.includes(typed);
    return isAction ? undefined : unknownAction(command, typed, actions, rest, hints);
  };
}

/** Short forms of list and remove, which the lists of actions leave out. */
const SHORT = ["ls", "rm"];
