/** Whether `run --host --landlock` works here. */
import type { Caller } from "../../rootless/caller.ts";
import { landlockAbi } from "../sandbox/landlock.ts";
import { lacksOf } from "../sandbox/landlock-rules.ts";
import { asRoot, type Finding, Subject } from "./finding.ts";

/** @param namespaces whether they can be made: then landlock is not needed */
export function landlock(caller: Caller, namespaces: boolean): Finding {
  const why = "run --host --landlock restricts a program where namespaces are refused";
  const subject = new Subject("landlock", why, caller);
  const abi = landlockAbi();
  const lacks = lacksOf(abi);
  if (abi > 0) return subject.ok(`ABI ${abi}${lacks.length === 0 ? "" : `: ${lacks.join(", ")}`}`);
  if (namespaces) return subject.ok("there is none, and namespaces do more");
  return subject.warn(
    "there is none",
    asRoot("start Linux 5.13 or later with lsm=landlock,… among its parameters"),
  );
}
