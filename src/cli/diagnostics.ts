/**
 * Commands that are rarely called, and what is rare of others, in one module: with one of its own for each, the bundler
 * would cut what they share with `run` into more chunks, and `run` would load nine more.
 */
export { default as checkpoint } from "./checkpoint.ts";
export { completionCommand } from "./completion.ts";
export { default as doctor } from "./doctor.ts";
export { default as explain } from "./explain.ts";
export { printFailure } from "./explain-error.ts";
export { default as restore } from "./restore.ts";
export { explainSandbox, sandboxCommand } from "./sandbox.ts";
export { default as sandboxHook } from "./sandbox-hook.ts";
export { default as stats } from "./stats.ts";
export { default as unshare } from "./unshare.ts";
