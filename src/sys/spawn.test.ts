import { expect, test } from "bun:test";
import { E } from "./errno.ts";
import { close } from "./fs.ts";
import { type Child, spawn, waitChild } from "./spawn.ts";

function start(path: string, goOn: boolean): Child {
  const child = spawn({ path, argv: [path], env: [], goOn });
  if (child.pidfd >= 0) close(child.pidfd);
  return child;
}

test("a program that is missing is an error at once, or when the child that goes on is reaped", () => {
  expect(() => start("/nothing/here", false)).toThrow("ENOENT");
  const child = start("/nothing/here", true);
  expect(waitChild(child.pid)).toEqual({ code: 127, signal: 0 });
  expect(child.execError()).toBe(E.ENOENT);
});

test("more children at once than may go on", () => {
  const children = Array.from({ length: 12 }, () => start("/bin/true", true));
  for (const child of children) {
    expect(waitChild(child.pid)).toEqual({ code: 0, signal: 0 });
    expect(child.execError()).toBe(0);
  }
});
