/** `delete` of a container that goes while it is deleted: its supervisor removes it without the lock. */
import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { BrunError } from "../../errors.ts";
import { openDirectory, type StoredState, unlock } from "../state/store.ts";
import { deleteStored } from "./delete.ts";

/** A pid that no process has. */
const NOBODY = 0x3ffffff;

function stateOf(id: string): StoredState {
  const made = { bundle: "/b", rootfs: "/b/r", created: "", pid: NOBODY, startTime: "1" };
  return { version: 1, ociVersion: "1.3.0", id, ...made };
}

for (const removed of ["its files", "its directory"]) {
  test(`when ${removed} have gone, delete says so, and delete --force is content`, () => {
    const root = mkdtempSync(`${tmpdir()}/brun-delete-`);
    try {
      const id = mkdtempSync(`${root}/c`).slice(root.length + 1);
      const locked = { root, id, fd: openDirectory(root, id) };
      if (removed === "its directory") rmdirSync(`${root}/${id}`);
      const rt = { root, cgroupManager: "auto", rootless: "auto", warn: () => undefined } as const;
      expect(() => deleteStored(rt, stateOf(id), locked, true)).not.toThrow();
      let code: string | undefined;
      try {
        deleteStored(rt, stateOf(id), locked, false);
      } catch (error) {
        if (error instanceof BrunError) code = error.code;
      }
      expect(code).toBe("ERR_NOT_FOUND");
      unlock(locked);
      expect(readdirSync(root)).toEqual(removed === "its directory" ? [] : [id]);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
}
