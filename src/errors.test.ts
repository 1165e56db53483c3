import { expect, test } from "bun:test";
import { BrunError, errorLine } from "./errors.ts";

test("a BrunError is one line: where, message, hint", () => {
  expect(errorLine(new BrunError("not absolute"))).toBe("not absolute");
  const error = new BrunError("not absolute", { where: "mounts[3].destination", hint: "begin it with /" });
  expect(errorLine(error)).toBe("mounts[3].destination: not absolute; hint: begin it with /");
  expect(error.exitCode).toBe(1);
});

test("a message that begins with where it is from says it once", () => {
  const where = "--writable";
  expect(new BrunError("--writable goes with --rootfs alone", { where }).text).toBe(
    "--writable goes with --rootfs alone",
  );
  expect(new BrunError("--writable2 is none", { where }).text).toBe("--writable: --writable2 is none");
  const mistake = new BrunError("hostname: missing; cwd: missing", {
    where: "hostname",
    file: "/b/config.json",
  });
  expect(mistake.text).toBe("/b/config.json: hostname: missing; cwd: missing");
});

test("an error of the config becomes one about the flag", () => {
  const code = "ERR_CONFIG";
  const error = new BrunError("hostname: expected no spaces", {
    where: "hostname",
    file: "/c",
    hint: "do",
    code,
  });
  const about = error.about("--hostname", "ERR_USAGE");
  expect(about.text).toBe("--hostname: expected no spaces; hint: do");
  expect(about).toMatchObject({ code: "ERR_USAGE", path: "--hostname", cause: error });
  expect(new BrunError("cannot bind /a on /b", { where: "mounts[3]" }).about("-v /a:/b").text).toBe(
    "-v /a:/b: cannot bind /a on /b",
  );
});

test("any other value has a line too", () => {
  expect(errorLine(new TypeError("x is not a function"))).toBe("x is not a function");
  expect(errorLine("text")).toBe("text");
});
