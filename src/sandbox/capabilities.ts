/** The capabilities of a sandbox's program. */
import { BrunError } from "../errors.ts";
import type { Capabilities } from "../spec/index.ts";
import { CAPABILITIES } from "../sys/constants.ts";

/** The capabilities of root in a container: podman's default. */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_NET_BIND_SERVICE",
  "CAP_SETFCAP",
  "CAP_SETGID",
  "CAP_SETPCAP",
  "CAP_SETUID",
  "CAP_SYS_CHROOT",
];

/**
 * The sets after --cap-add and --cap-drop (names with or without CAP_, or ALL). Root has them all. Another
 * user has only the added ones, which it keeps over execve (podman-run(1)). Throws a BrunError.
 */
export function sandboxCapabilities(
  add: readonly string[],
  drop: readonly string[],
  uid: number,
): Capabilities {
  const added = named(add, "--cap-add");
  const dropped = new Set(named(drop, "--cap-drop"));
  // After dropping ALL, capabilities that are added by name remain. After adding ALL, those that are dropped
  // by name are missing.
  const all = drop.some((name) => name.toUpperCase() === "ALL");
  const start = all ? [] : DEFAULT_CAPABILITIES;
  const bounding = CAPABILITIES.filter(
    (name) => (start.includes(name) || added.includes(name)) && (all || !dropped.has(name)),
  );
  const own = uid === 0 ? bounding : bounding.filter((name) => added.includes(name));
  const inherited = uid === 0 ? [] : own;
  return { bounding, effective: own, permitted: own, inheritable: inherited, ambient: inherited };
}

function named(names: readonly string[], flag: string): string[] {
  return names
    .flatMap((text) => text.split(","))
    .flatMap((text) => {
      const name = text.toUpperCase();
      if (name === "ALL") return [...CAPABILITIES];
      const full = name.startsWith("CAP_") ? name : `CAP_${name}`;
      if ((CAPABILITIES as readonly string[]).includes(full)) return [full];
      throw new BrunError(`there is no capability "${text}"`, {
        where: flag,
        hint: "a name of capabilities(7), with or without CAP_, or ALL",
      });
    });
}
