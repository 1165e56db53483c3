/** The entry point for recording system calls. Only commands that record load it. */
export * from "../agent.ts";
export { syscallNames } from "./names.ts";
export { recordingFilter } from "./profile.ts";
export * from "./recording.ts";
