/** What the security tests share: hostile programs, and how hard they try. */
import { chmodSync, chownSync, copyFileSync } from "node:fs";
import { isRoot } from "../support/caller.ts";
import { compiled } from "../support/compiled.ts";
import type { Sandbox } from "../support/sandbox.ts";

/** BRUN_SECURITY=full: thousands of tries where a few dozen are made otherwise. */
export const FULL = process.env.BRUN_SECURITY === "full";

/** One number for `npm test`, another for `npm run test:security`. */
export const tries = (few: number, many: number): number => (FULL ? many : few);

/** A program of test/security/attackers. */
export const attacker = (name: "flood" | "hold" | "hunt" | "net" | "probe" | "sockets" | "swap"): string =>
  compiled(`${import.meta.dir}/attackers/${name}.c`);

/** Copies a program into the root file system of a bundle, as /bin/NAME. */
export function install(box: Sandbox, bundle: string, name: "hold" | "hunt" | "probe", mode = 0o755): void {
  const path = `${bundle}/rootfs/bin/${name}`;
  copyFileSync(attacker(name), path);
  if (isRoot) chownSync(path, box.subject.caller.uid, box.subject.caller.gid);
  chmodSync(path, mode);
}

/** Lines "word number" as an object. */
export function numbers(text: string): Record<string, number> {
  return Object.fromEntries(
    [...text.matchAll(/^(\w+):? (\d+)$/gm)].map(([, name, value]) => [name!, Number(value)]),
  );
}
