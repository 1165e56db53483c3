import { expect, test } from "bun:test";
import { BrunError, errorLine } from "./errors.ts";

test("a BrunError is one line: where, message, hint", () => {
  expect(errorLine(new BrunError("not absolute"))).toBe("not absolute");
  const error = new BrunError("not absolute", { where: "mounts[3].destination", hint: "begin it with /" });
  expect(errorLine(error)).toBe("mounts[3].destination: not absolute; hint: begin it with /");
  expect(error.exitCode).toBe(1);
});

test("any other value has a line too", () => {
  expect(errorLine(new TypeError("x is not a function"))).toBe("x is not a function");
  expect(errorLine("text")).toBe("text");
});
