/** The public TypeScript API of brun; the CLI is built on nothing else. */

export type * from "./container/types.ts";
export { BrunError, errorLine } from "./errors.ts";
