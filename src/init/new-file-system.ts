/** File systems that are known by a descriptor before they are mounted. */
import { ArgType } from "../plan/abi.ts";
import type { Blob, Policy, Slot } from "../plan/program.ts";
import type { InitContext } from "./context.ts";

/**
 * A parameter of a file system: a string, a string that the program makes, the path of a descriptor, or (null) a
 * flag.
 */
export type Parameter = readonly [name: string, value: string | Blob | Slot | null];

/**
 * Splits options of mount(2) into parameters. A comma inside of a value (mpol=bind:0,2 of tmpfs) is followed by a
 * digit.
 */
export function parametersOf(data: string): Parameter[] {
  const parameters: [string, string | null][] = [];
  for (const option of data === "" ? [] : data.split(",")) {
    const equals = option.indexOf("=");
    const last = parameters[parameters.length - 1];
    if (equals >= 0) parameters.push([option.slice(0, equals), option.slice(equals + 1)]);
    else if (last !== undefined && last[1] !== null && /^\d/.test(option)) last[1] += `,${option}`;
    else parameters.push([option, null]);
  }
  return parameters;
}

const FSOPEN_CLOEXEC = 1;
const FSMOUNT_CLOEXEC = 1;
const FSCONFIG_SET_FLAG = 0;
const FSCONFIG_SET_STRING = 1;
const FSCONFIG_CMD_CREATE = 6;

/**
 * A new file system, mounted nowhere yet (fsopen(2), Linux 5.2).
 * @param refused what to do if the kernel makes none
 */
export function newFileSystem(
  x: InitContext,
  type: string,
  parameters: readonly Parameter[],
  attributes: number,
  refused: Policy = {},
): Slot {
  const { b } = x;
  const context = b.get("fsopen", [b.str(type), FSOPEN_CLOEXEC], refused);
  for (const [name, value] of parameters) {
    const text =
      typeof value === "string"
        ? b.str(value)
        : value?.type === ArgType.slot
          ? b.fdPath(value as Slot)
          : value;
    const command = value === null ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
    b.sys("fsconfig", [context, command, b.str(name), text, 0]);
  }
  b.sys("fsconfig", [context, FSCONFIG_CMD_CREATE, null, null, 0], refused);
  const mounted = b.get("fsmount", [context, FSMOUNT_CLOEXEC, attributes]);
  b.close(context);
  return mounted;
}
