import { expect, test } from "bun:test";
import { stateJson } from "../container/state/state.ts";
import type { ContainerState } from "../container/types.ts";
import { listJson, listTable, psLines, table } from "./format.ts";

const one: ContainerState = {
  owner: "alice",
  annotations: {},
  created: "2026-01-02T03:04:05.678901234Z",
  rootfs: "/b/rootfs",
  bundle: "/b",
  status: "running",
  pid: 4711,
  id: "c1",
  ociVersion: "1.3.0",
};
const two: ContainerState = {
  ...one,
  id: "a-container-with-a-long-id",
  pid: 0,
  status: "stopped",
  annotations: { "org.example": "x" },
};

test("state: runc's order, indented by two, no newline at the end, no empty annotations", () => {
  expect(stateJson(one)).toBe(`{
  "ociVersion": "1.3.0",
  "id": "c1",
  "pid": 4711,
  "status": "running",
  "bundle": "/b",
  "rootfs": "/b/rootfs",
  "created": "2026-01-02T03:04:05.678901234Z",
  "owner": "alice"
}`);
  expect(stateJson(two)).toContain('"annotations": {\n    "org.example": "x"\n  },\n  "owner": "alice"');
});

test("list -f json: one line; null for none", () => {
  expect(listJson([])).toBe("null\n");
  expect(JSON.parse(listJson([one, two]))).toEqual([JSON.parse(stateJson(one)), JSON.parse(stateJson(two))]);
  expect(listJson([one]).indexOf("\n")).toBe(listJson([one]).length - 1);
});

test("list: as Go's tabwriter with a minimum of 12 and a gap of 3", () => {
  expect(listTable([])).toBe("ID          PID         STATUS      BUNDLE      CREATED     OWNER\n");
  expect(listTable([one, two])).toBe(
    [
      "ID                           PID         STATUS      BUNDLE      CREATED                          OWNER",
      "c1                           4711        running     /b          2026-01-02T03:04:05.678901234Z   alice",
      "a-container-with-a-long-id   0           stopped     /b          2026-01-02T03:04:05.678901234Z   alice",
      "",
    ].join("\n"),
  );
});

test("columns count characters, not bytes", () => {
  expect(table([["größe-über-zwölf", "x"]])).toBe("größe-über-zwölf   x\n");
});

test("ps: the title and the container's lines", () => {
  const output = [
    "UID          PID    PPID  C STIME TTY          TIME CMD",
    "root           1       0  0 10:00 ?        00:00:01 /sbin/init",
    "alice       4711       1  0 10:01 pts/0    00:00:00 sh -c 1",
    "alice      14711    4711  0 10:01 pts/0    00:00:00 sleep 4711",
    "",
  ].join("\n");
  expect(psLines(output, [4711, 99])?.split("\n")).toEqual([
    "UID          PID    PPID  C STIME TTY          TIME CMD",
    "alice       4711       1  0 10:01 pts/0    00:00:00 sh -c 1",
    "",
  ]);
  expect(psLines(output, [])?.split("\n")).toHaveLength(2);
  expect(psLines("  PID TTY\n    7 ?\n", [7])).toBe("  PID TTY\n    7 ?\n");
});

test("ps: the pid is found below its title, also behind values with blanks or without any", () => {
  const started = [
    "                 STARTED     PID LABEL  COMMAND",
    "Mon Nov 30 03:11:48 2026    2026        sh",
    "Mon Nov 30 03:11:48 2026    4711        sleep 2026",
  ];
  expect(psLines(started.join("\n"), [4711])).toBe(`${started[0]}\n${started[2]}\n`);
  expect(psLines(started.join("\n"), [30])).toBe(`${started[0]}\n`);
  const long = ["USER         PID CMD", "a-very-long-name 4711 sh", "x             47 sh 4711"];
  expect(psLines(long.join("\n"), [4711])).toBe(`${long[0]}\n${long[1]}\n`);
});

test("ps: output without pids", () => {
  expect(psLines("COMMAND\nsh\n", [1])).toBeUndefined();
  expect(psLines("", [1])).toBeUndefined();
});
