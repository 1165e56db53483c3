import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { errorLine } from "../errors.ts";
import { createLog, type LogLevel, logLine } from "./log.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync("/tmp/brun-log-");
});
afterEach(() => rmSync(dir, { recursive: true }));

const time = new Date("2026-01-02T03:04:05.678Z");

test("json lines hold level, msg and time, as logrus's", () => {
  expect(logLine("json", "error", 'no "x"\n<&>', time)).toBe(
    '{"level":"error","msg":"no \\"x\\"\\n<&>","time":"2026-01-02T03:04:05Z"}\n',
  );
});

test("text lines quote what needs it", () => {
  expect(logLine("text", "warning", "two words", time)).toBe(
    'time="2026-01-02T03:04:05Z" level=warning msg="two words"\n',
  );
  expect(logLine("text", "debug", "one-word", time)).toBe(
    'time="2026-01-02T03:04:05Z" level=debug msg=one-word\n',
  );
  expect(logLine("text", "debug", "", time)).toEndWith('msg=""\n');
});

test("the file is made at once, gets every line, and keeps what it had", () => {
  const file = `${dir}/log`;
  for (const message of ["first", "second"]) {
    const log = createLog({ file, format: "json", debug: true });
    log.warn(message);
    log.debug(`${message} detail`);
  }
  const lines = readFileSync(file, "utf8").trim().split("\n");
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual([
    "first",
    "first detail",
    "second",
    "second detail",
  ]);
  expect(statSync(file).mode & 0o777 & ~process.umask()).toBe(0o644 & ~process.umask());
});

test("debug lines only with --debug; without a file they go to people", () => {
  const seen: [LogLevel, string][] = [];
  const human = (level: LogLevel, message: string) => void seen.push([level, message]);
  createLog({ format: "text", debug: false }, human).debug("hidden");
  createLog({ format: "text", debug: true }, human).debug("shown");
  createLog({ format: "text", debug: false }, human).warn("careful");
  expect(seen).toEqual([
    ["debug", "shown"],
    ["warning", "careful"],
  ]);
});

test("a log file that cannot be written is an error", () => {
  let line = "";
  try {
    createLog({ file: `${dir}/no/log`, format: "text", debug: false });
  } catch (error) {
    line = errorLine(error);
  }
  expect(line).toBe(`open ${dir}/no/log: no such file or directory (ENOENT)`);
});
