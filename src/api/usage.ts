/** Errors about the arguments of a call. */
import { BrunError } from "../errors.ts";

/** @param where the option */
export function usage(message: string, hint?: string, where?: string): BrunError {
  return new BrunError(message, { code: "ERR_USAGE", hint, where });
}

/** The error for a value of another kind than an option has. */
export function wrong(option: string, value: unknown, expected: string): BrunError {
  return usage(`${option}: expected ${expected}, but found ${kindOf(value)}`, undefined, option);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "string" && value.length <= 20) return JSON.stringify(value);
  const kind = Array.isArray(value) ? "list" : typeof value;
  return `${kind === "object" ? "an" : "a"} ${kind}`;
}
