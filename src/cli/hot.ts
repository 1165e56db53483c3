/**
 * The commands that a container is made, entered and ended with. They and all that they reach are one chunk of the
 * executable, which every command loads (scripts/bundle.ts): in a process of a few milliseconds each further chunk counts.
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
