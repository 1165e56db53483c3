/** Rules of `hooks` (runtime-spec, config.md#hooks). */
import type { HookName, Hooks } from "../hooks.ts";
import { show } from "../json.ts";
import { validateEnv } from "./process.ts";

/** Checks hooks that have the schema's types. */
export function validateHooks(hooks: Hooks, errors: string[]): void {
  for (const name in hooks) {
    const list = hooks[name as HookName] ?? [];
    for (const [i, { path, env }] of list.entries()) {
      if (!path.startsWith("/")) {
        errors.push(`hooks.${name}[${i}].path: expected an absolute path but found ${show(path)}`);
      }
      if (env !== undefined) validateEnv(env, `hooks.${name}[${i}].env`, errors);
    }
  }
}
