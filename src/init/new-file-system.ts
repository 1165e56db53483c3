/** File systems that are known by a descriptor before they are mounted. */
import type { Policy, Slot } from "../stage/program.ts";
import type { InitContext } from "./context.ts";

/** A parameter of a file system: a string, the path of a descriptor, or (null) a flag. */
export type Parameter = readonly [name: string, value: string | Slot | null];

const FSOPEN_CLOEXEC = 1;
const FSMOUNT_CLOEXEC = 1;
const FSCONFIG_SET_FLAG = 0;
const FSCONFIG_SET_STRING = 1;
const FSCONFIG_CMD_CREATE = 6;

/**
 * A new file system, mounted nowhere yet (fsopen(2), Linux 5.2).
 * @param refused what to do where the kernel makes none
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
    const text = value === null ? null : typeof value === "string" ? b.str(value) : b.fdPath(value);
    const command = value === null ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
    b.sys("fsconfig", [context, command, b.str(name), text, 0]);
  }
  b.sys("fsconfig", [context, FSCONFIG_CMD_CREATE, null, null, 0], refused);
  const mounted = b.get("fsmount", [context, FSMOUNT_CLOEXEC, attributes]);
  b.close(context);
  return mounted;
}
