/** Rules of `hooks` (runtime-spec, config.md#hooks). */
import type { HookName, Hooks } from "../hooks.ts";
import { show } from "../json.ts";
import type { Mistake } from "./findings.ts";
import { validateEnv } from "./process.ts";

/** The lists of hooks, in the order in which they run. */
export const HOOK_NAMES: readonly HookName[] = [
  "prestart",
  "createRuntime",
  "createContainer",
  "startContainer",
  "poststart",
  "poststop",
];

/** Checks hooks, whose types the schema has checked. */
export function validateHooks(hooks: Hooks, errors: Mistake[]): void {
  for (const name of HOOK_NAMES) {
    const list = hooks[name] ?? [];
    for (const [i, { path, env }] of list.entries()) {
      if (!path.startsWith("/")) {
        errors.push({
          path: `hooks.${name}[${i}].path`,
          text: `expected an absolute path but found ${show(path)}`,
        });
      }
      if (env !== undefined) validateEnv(env, `hooks.${name}[${i}].env`, errors);
    }
  }
}
