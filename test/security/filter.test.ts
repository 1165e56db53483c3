/** The default filter of containers without a bundle: what gets past it by another way to make the same call. */
import { describe, expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { arch } from "node:os";
import { REFUSED_FAMILIES } from "../../src/sandbox/seccomp-table.ts";
import { ownedDir } from "../support/caller.ts";
import { makeRootfs } from "../support/rootfs.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import { attacker } from "./support.ts";

const AF_UNIX = 1;
const AF_INET = 2;
const EPERM = 1;
const ENOSYS = 38;

for (const subject of subjects(["brun"])) {
  describe(subject.label, () => {
    test("a socket of a refused family is made by no other numbers, and none by socketcall", async () => {
      await using box = new Sandbox(subject);
      const root = makeRootfs(ownedDir(subject.caller, `${box.dir}/root`), subject.caller);
      copyFileSync(attacker("sockets"), `${root}/bin/sockets`);
      const made = async (family: number): Promise<Record<string, number>> => {
        const out = await box.ok(["run", "--rootfs", root, "--", "sockets", `${family}`]);
        return Object.fromEntries(
          [...out.matchAll(/^(\w+) (\d+)$/gm)].map(([, way, errno]) => [way, Number(errno)]),
        );
      };
      const x86 = arch() === "x64";
      for (const { number } of REFUSED_FAMILIES) {
        // The kernel, which has no such family or no right to it, would say something else.
        const others = x86 ? { x32: EPERM, i386: EPERM, socketcall: ENOSYS } : {};
        expect([number, await made(number)]).toEqual([number, { socket: EPERM, upper: EPERM, ...others }]);
      }
      for (const family of [AF_UNIX, AF_INET]) {
        const { x32, ...found } = await made(family);
        const others = x86 ? { i386: 0, socketcall: ENOSYS } : {};
        expect([family, found]).toEqual([family, { socket: 0, upper: 0, ...others }]);
        // Most kernels know no x32.
        if (x86) expect([0, ENOSYS]).toContain(x32!);
      }
    });
  });
}
