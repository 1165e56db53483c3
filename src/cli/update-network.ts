/** `brun update --allow-net`, `--deny-net`: changes the list of names of a running container. */
import { statusOf } from "../container/state/status.ts";
import { lock, requireState, unlock } from "../container/state/store.ts";
import type { Runtime } from "../container/types.ts";
import { BrunError } from "../errors.ts";
import { readGiven } from "../given-file.ts";
import { askForChange, type ListChange } from "../net/control.ts";
import { parseRules, ruleTexts } from "../net/rules.ts";
import { controlPath } from "../net/start.ts";
import { networkDirectory } from "../sandbox/network.ts";

/** Has the relay of a container change its list: all of it, or nothing. Throws a BrunError. */
export function updateNetwork(rt: Runtime, id: string, { allow, deny, allowPrivate }: ListChange): void {
  const asked = { allow: ruleTexts(allow, readGiven), deny: ruleTexts(deny, readGiven), allowPrivate };
  parseRules(asked.allow);
  parseRules(asked.deny, "--deny-net");
  const locked = lock(rt.root, id);
  try {
    const stored = requireState(rt.root, id);
    if (statusOf(rt.root, stored, locked.fd) === "stopped")
      throw new BrunError("container not running", { code: "ERR_STATE" });
    askForChange(controlPath({ directory: networkDirectory(rt.root), id }), asked);
  } finally {
    unlock(locked);
  }
}
