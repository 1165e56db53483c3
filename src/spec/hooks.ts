/** `hooks`: programs of the host that run at fixed points of the lifecycle (runtime-spec, config.md#hooks). */
import type * as v from "valibot";
import { integer, list, object, optional, optionalStrings, string } from "./types.ts";

const HookSchema = object({
  path: string,
  args: optionalStrings,
  env: optionalStrings,
  timeout: optional(integer(1, Number.MAX_SAFE_INTEGER)),
});

/** One hook; `timeout` in seconds. */
export type Hook = v.InferOutput<typeof HookSchema>;

const hooks = optional(list(HookSchema));

export const HooksSchema = object({
  prestart: hooks,
  createRuntime: hooks,
  createContainer: hooks,
  startContainer: hooks,
  poststart: hooks,
  poststop: hooks,
});

/** `hooks`: six lists, in the order in which they run. */
export type Hooks = v.InferOutput<typeof HooksSchema>;

/** The name of a list of hooks. */
export type HookName = keyof Hooks;
