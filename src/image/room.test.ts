import { expect, test } from "bun:test";
import { BrunError } from "../errors.ts";
import { E } from "../sys/errno.ts";
import { SysError } from "../sys/error.ts";
import { SPACE_HINT, storeError } from "./room.ts";

test.each([
  [E.ENOSPC, "no space left on device"],
  [E.EDQUOT, "disk quota exceeded"],
])("errno %d is a full disk, and is told as what it is", (errno, text) => {
  const error = storeError(new SysError("write a blob", errno), "a:1");
  expect(error).toBeInstanceOf(BrunError);
  const { code, where, hint, message } = error as BrunError;
  expect({ code, where, hint }).toEqual({ code: "ERR_NO_SPACE", where: "a:1", hint: SPACE_HINT });
  expect(message).toContain(text);
});

test("other errors keep their code, and have no hint", () => {
  const { code, hint } = storeError(new SysError("write a blob", E.EIO), "a:1") as BrunError;
  expect([code, hint]).toEqual(["EIO", undefined]);
});
