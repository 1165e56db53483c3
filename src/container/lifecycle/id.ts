/** Valid ids of containers. */
import { BrunError } from "../../errors.ts";
import { quoted } from "../../printable.ts";

const LENGTH_MAX = 1024;

/**
 * Letters, digits and "_+-.", but not "." or "..". The front has the same characters. A loop, since a regular expression is compiled first.
 */
export function isId(id: string): boolean {
  for (let i = 0; i < id.length; i++) {
    const c = id.charCodeAt(i);
    const letter = (c >= 0x61 && c <= 0x7a) || (c >= 0x41 && c <= 0x5a) || (c >= 0x30 && c <= 0x39);
    if (!letter && c !== 0x5f && c !== 0x2b && c !== 0x2d && c !== 0x2e) return false;
  }
  return id !== "." && id !== ".." && id !== "";
}

/** Checks an id (runc's rules: letters, digits and "_+-.", not "." or ".."). Throws a BrunError. */
export function checkId(id: string): void {
  if (id === "") throw new BrunError("container id cannot be empty", { code: "ERR_ID" });
  if (id.length > LENGTH_MAX)
    throw new BrunError(`invalid container ID format: longer than ${LENGTH_MAX} characters`, {
      code: "ERR_ID",
    });
  if (!isId(id)) {
    throw new BrunError(`invalid container ID format: ${quoted(id)}`, {
      code: "ERR_ID",
      hint: "letters, digits and _ + - . make an id",
    });
  }
}
