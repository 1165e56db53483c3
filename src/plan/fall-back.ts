/** Tells why the front has left a command to Bun, for --debug and --timing. */
import { errnoName } from "../sys/errno.ts";
import { askFront } from "../sys/ffi.ts";
import { members } from "../sys/members.ts" with { type: "macro" };
import { FallBack, FrontFact } from "./abi.ts";

const REASONS: { readonly [reason in FallBack]: string } = {
  [FallBack.off]: "BRUN_FRONT=off",
  [FallBack.commandLine]: "a command, a flag, an argument or a variable is not for it",
  [FallBack.noPlan]: "there is no plan of it",
  [FallBack.otherPlan]: "the plan is of another brun or owner, or something has changed since",
  [FallBack.morePlan]: "the command takes more than a plan",
  [FallBack.observed]: "it would have been done by a plan, but is to be shown",
  [FallBack.log]: "the log file cannot be opened",
  [FallBack.failed]: "the plan did not come to its end",
};

/** The reason as a text; null in a brun without a front. */
export function fallBackReason(): string | null {
  const reason = askFront(FrontFact.fallBack);
  if (reason < 0) return null;
  const errno = askFront(FrontFact.fallBackErrno);
  const part = Object.keys(members("Part"))[askFront(FrontFact.fallBackPart)];
  const at = part === undefined ? "" : ` at operation ${askFront(FrontFact.fallBackOp)} of ${part}`;
  return `${REASONS[reason as FallBack]}${errno > 0 ? ` (${errnoName(errno)}${at})` : ""}`;
}
