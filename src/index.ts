/** The public TypeScript API of brun; the CLI is built on nothing else. */

export { doctor, doctorStatus, type Finding, type FindingState } from "../rootless/doctor/doctor.ts";
export { callerIdentity, isRootless, useDefaultRoot } from "./container/root.ts";
export type * from "./container/types.ts";
export { BrunError, errorLine } from "./errors.ts";
export { type Explanation, explain } from "./explain/explain.ts";
export { type Features, features } from "./features/features.ts";
