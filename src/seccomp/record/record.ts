/** Recording system calls, for those who ask for it: nothing else loads this. */
export * from "../agent.ts";
export { syscallNames } from "./names.ts";
export { recordingFilter } from "./profile.ts";
export * from "./recording.ts";
