/**
 * Bundler macro: an enum as an object. The members of an enum are inlined, so that a start makes no object for it.
 * Code for people, which is loaded on demand, gets the names from this macro.
 */
import { Message, OpKind } from "../plan/abi.ts";
import { Hole, InputKind, Part } from "../plan/file-abi.ts";
import { CLONE, IOCTL, MOUNT_ATTR, MS, PR, RESOLVE } from "./constants.ts";
import { E } from "./errno-numbers.ts";

const enums = { CLONE, E, Hole, IOCTL, InputKind, MOUNT_ATTR, MS, Message, OpKind, PR, Part, RESOLVE };
type Enums = typeof enums;

/** The members by name. */
export function members<N extends keyof Enums>(name: N): Readonly<Record<keyof Enums[N], number>> {
  const numbers: Record<string, number> = {};
  for (const [member, value] of Object.entries(enums[name])) {
    if (typeof value === "number") numbers[member] = value;
  }
  return numbers as Record<keyof Enums[N], number>;
}
