/**
 * The commands that make, enter and end a container. They and all that they import are one chunk of the executable, which every
 * command loads (scripts/bundle.ts). In a process of a few milliseconds each further chunk would cost too much.
 */
export { givenArguments } from "../sys/environment.ts";
export { default as create } from "./create.ts";
export { default as remove } from "./delete.ts";
export { dispatch } from "./dispatch.ts";
export { default as exec } from "./exec.ts";
export { default as kill } from "./kill.ts";
export { exit } from "./output.ts";
export { default as run } from "./run.ts";
export { default as start } from "./start.ts";
export { default as state } from "./state.ts";
