/** States that are read all at once are those that are read one by one, which a directory that others may write to is for. */
import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import type { Runtime } from "../types.ts";
import { list, storedStates } from "./list.ts";
import type { StoredState } from "./store.ts";

const startTime = (pid: number): string => {
  const line = readFileSync(`/proc/${pid}/stat`, "utf8");
  return line.slice(line.lastIndexOf(")") + 2).split(" ")[19]!;
};

const state = (id: string, more: Partial<StoredState> = {}): string =>
  JSON.stringify({
    version: 1,
    ociVersion: "1.3.0",
    id,
    bundle: "/b",
    rootfs: "/b/rootfs",
    created: "2026-01-02T03:04:05.678901234Z",
    pid: process.pid,
    startTime: startTime(process.pid),
    ...more,
  } satisfies StoredState);

function filled(root: string): void {
  const put = (id: string, text: string | null): string => {
    mkdirSync(`${root}/${id}`);
    if (text !== null) writeFileSync(`${root}/${id}/state.json`, text, { mode: 0o600 });
    return `${root}/${id}`;
  };
  for (let i = 0; i < 150; i++) put(`many-${i}`, state(`many-${i}`, i % 2 === 0 ? { startTime: "1" } : {}));
  execFileSync("mkfifo", [`${put("created", state("created"))}/exec.fifo`]);
  put("text", state("text", { bundle: "/größe\u001b[31m", annotations: { note: "ü" } }));
  put("long", state("long", { annotations: { long: "x".repeat(5000) } }));
  put("ended", state("ended", { pid: 2 ** 30 }));
  put("frozen", state("frozen", { cgroup: { version: 2, paths: { "": "/nonesuch" } } as never }));
  put("damaged", "{");
  put("empty", "");
  put("other", state("another"));
  put("none", null);
  execFileSync("mkfifo", [`${put("fifo", null)}/state.json`]);
  symlinkSync(`${root}/text/state.json`, `${put("link", null)}/state.json`);
  writeFileSync(`${root}/elsewhere.json`, state("directory"));
  mkdirSync(`${root}/@away`);
  writeFileSync(`${root}/@away/state.json`, state("directory"));
  symlinkSync("@away", `${root}/directory`);
}

test("states of all kinds are listed or warned of", () => {
  const found = ["0700", "0777"].map((mode) => {
    const root = mkdtempSync(`${tmpdir()}/brun-list-`);
    try {
      filled(root);
      chmodSync(root, Number.parseInt(mode, 8));
      const said: string[] = [];
      const rt: Runtime = { root, cgroupManager: "auto", rootless: "auto", warn: (line) => said.push(line) };
      const ids = storedStates(rt).map(({ stored }) => stored.id);
      const warnings = said.splice(0).map((line) => line.replaceAll(root, "ROOT"));
      const states = list(rt);
      return { ids, warnings, states, again: said.map((line) => line.replaceAll(root, "ROOT")) };
    } finally {
      rmSync(root, { recursive: true });
    }
  });
  expect(found[0]!).toEqual(found[1]!);
  const { ids, states, warnings, again } = found[0]!;
  const status = (id: string) => states.find((one) => one.id === id)?.status;
  expect(ids).toEqual(ids.toSorted());
  expect(["many-0", "many-1", "created", "long", "ended", "frozen"].map(status)).toEqual([
    "stopped",
    "running",
    "created",
    "running",
    "stopped",
    "running",
  ]);
  const why = /^container (\S+?):? (?:ROOT\/\S+ )?(is not [^:;]*|is damaged|.*)/;
  const briefly = (lines: readonly string[]) => lines.map((line) => why.exec(line)!.slice(1).join(" "));
  expect(briefly(warnings)).toEqual([
    "damaged is damaged",
    "elsewhere.json is not complete",
    "empty is damaged",
    "fifo is not a file that brun has written",
    "link is not a file that brun has written",
    "none is not complete",
    "other is not a state of this brun",
  ]);
  expect(briefly(again.slice(warnings.length))).toEqual([
    'directory container "directory": container does not exist',
  ]);
});
