import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { BrunError, errorLine } from "../errors.ts";
import { type LogLevel, log, logError, logLine, touchLog } from "./log.ts";

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

test("json lines of errors hold message, path, hint and code besides, for programs", () => {
  const file = `${dir}/errors`;
  const error = new BrunError("cannot", { code: "ERR_CONFIG", where: "mounts[0]", hint: "do" });
  logError({ file, format: "json", debug: false }, error);
  expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({
    level: "error",
    msg: "mounts[0]: cannot; hint: do",
    message: "cannot",
    code: "ERR_CONFIG",
    path: "mounts[0]",
    hint: "do",
  });
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
  touchLog(file);
  expect(statSync(file).mode & 0o777).toBe(0o644 & ~process.umask());
  for (const message of ["first", "second"]) {
    touchLog(file);
    log({ file, format: "json", debug: true }, "warning", message);
    log({ file, format: "json", debug: true }, "debug", `${message} detail`);
    log({ file, format: "json", debug: false }, "debug", "hidden");
  }
  const lines = readFileSync(file, "utf8").trim().split("\n");
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual([
    "first",
    "first detail",
    "second",
    "second detail",
  ]);
});

test("debug lines only with --debug; without a file they go to people", () => {
  const seen: [LogLevel, string][] = [];
  const human = (level: LogLevel, message: string) => void seen.push([level, message]);
  log({ format: "text", debug: false, human }, "debug", "hidden");
  log({ format: "text", debug: true, human }, "debug", "shown");
  log({ format: "text", debug: false, human }, "warning", "careful");
  expect(seen).toEqual([
    ["debug", "shown"],
    ["warning", "careful"],
  ]);
});

test("a log file that cannot be written is an error at the start, and none later", () => {
  const file = `${dir}/no/log`;
  let line = "";
  try {
    touchLog(file);
  } catch (error) {
    line = errorLine(error);
  }
  expect(line).toStartWith(`--log ${file} cannot be written: no such file or directory (ENOENT); hint: `);
  log({ file, format: "text", debug: false }, "warning", "lost");
});
