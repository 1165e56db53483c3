import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { InputKind } from "../plan/file-abi.ts";
import { currentDirectory, mayKeepTime } from "./ask.ts";
import { here } from "./ask-caller.ts";
import { isEmptyDirectory, namesIn, rights } from "./ask-files.ts";
import { guardOf } from "./guard.ts";
import { finishRecording, type Input, startRecording } from "./recorder.ts";

/** The size of a stamp. */
const STAMP = 64;

function recorded(ask: () => void): readonly Input[] {
  startRecording();
  ask();
  return finishRecording().inputs;
}

/** Whether names were recorded with the stamp of their directory. */
function hasStamp({ answer }: Input): boolean {
  return Buffer.from(answer as Uint8Array)
    .subarray(0, STAMP)
    .some((byte) => byte !== 0);
}

test("a file is at rest later on a file system that keeps whole seconds", () => {
  const after = (milliseconds: number, nanoseconds: number) =>
    mayKeepTime(1000, nanoseconds, 1_000_000 + nanoseconds / 1e6 + milliseconds);
  expect([5, 19, 20, 100].map((ms) => after(ms, 500_000_000))).toEqual([true, true, false, false]);
  expect([5, 100, 999, 1999, 2020].map((ms) => after(ms, 0))).toEqual([true, true, true, true, false]);
  expect(after(-100_000, 1)).toBe(true);
});

test("questions about one path follow each other, that about a link itself first", () => {
  const about = (kind: InputKind, path: string, detail = 0): Input => ({
    kind,
    detail,
    about: path,
    answer: "x",
  });
  const inputs = [
    about(InputKind.mask, ""),
    about(InputKind.type, "/a"),
    about(InputKind.file, "/b"),
    about(InputKind.rights, "/a"),
    about(InputKind.status, "/a", 1),
    about(InputKind.type, "/a"),
  ];
  const guard = guardOf(inputs);
  if (typeof guard === "string") throw new Error(guard);
  expect(guard.map(({ kind }) => kind)).toEqual([
    ...[InputKind.status, InputKind.type, InputKind.rights, InputKind.file, InputKind.mask],
  ]);
});

test("names have the stamp of a directory that has been at rest, and are compared without it", async () => {
  const directory = mkdtempSync("/dev/shm/brun-guard-");
  try {
    writeFileSync(`${directory}/.ssh`, "");
    const [fresh] = recorded(() => namesIn(directory, [".ssh*"]));
    const bytes = ({ answer }: Input) => Buffer.from(answer as Uint8Array);
    expect(hasStamp(fresh!)).toBe(false);
    expect(bytes(fresh!).subarray(STAMP).toString()).toBe(".ssh\0");
    await Bun.sleep(50);
    const [resting] = recorded(() => namesIn(directory, [".ssh*"]));
    expect(hasStamp(resting!)).toBe(true);
    const both = guardOf([resting!, fresh!]);
    expect(both).toHaveLength(1);
    const other = { ...fresh!, answer: Buffer.concat([bytes(fresh!), Buffer.from(".sshd\0")]) };
    expect(guardOf([resting!, other])).toContain("has changed meanwhile");
    // A time that somebody has set does not make it a directory at rest: the kernel sets the other one.
    utimesSync(directory, 1, 1);
    const [set] = recorded(() => namesIn(directory, [".ssh*"]));
    expect(hasStamp(set!)).toBe(false);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("of an empty directory the stamp counts, of another one entry", async () => {
  const directory = mkdtempSync("/dev/shm/brun-guard-");
  try {
    await Bun.sleep(50);
    const empty = recorded(() => expect(isEmptyDirectory(directory)).toBe(true));
    expect(empty.map(({ kind, about }) => [kind, about])).toEqual([[InputKind.stamp, directory]]);
    mkdirSync(`${directory}/b`);
    mkdirSync(`${directory}/a`);
    const full = recorded(() => expect(isEmptyDirectory(directory)).toBe(false));
    expect(full.map(({ kind, about }) => [kind, about])).toEqual([[InputKind.type, `${directory}/a`]]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("rights are one answer", () => {
  const inputs = recorded(() => expect(rights("/proc/self/status") & 4).toBe(4));
  expect(inputs).toHaveLength(1);
  expect(recorded(() => expect(rights("/nowhere")).toBe(0))[0]?.kind).toBe(InputKind.rights);
});

test("the current directory is asked about without its path, and its path is an input of its own", () => {
  const parent = process.cwd().replace(/\/[^/]*$/, "");
  const { uid, gid } = statSync(".");
  const kinds = (ask: () => void) => recorded(ask).map(({ kind }) => kind);
  expect(kinds(() => expect(here().inHole).toBe(process.cwd()))).toEqual([]);
  expect(kinds(() => expect(currentDirectory()).toBe(process.cwd()))).toEqual([InputKind.link]);
  const places = recorded(() => {
    const { isIn, isAt } = here();
    expect([isIn("/"), isIn(parent), isIn(process.cwd()), isIn(`${parent}/other`)]).toEqual([
      ...[true, true, true, false],
    ]);
    expect([isAt(parent), isAt(process.cwd()), isIn(process.cwd().slice(0, -1))]).toEqual([
      ...[false, true, false],
    ]);
  });
  expect(places.every(({ kind }) => kind === InputKind.inside)).toBe(true);
  const ways = recorded(() => {
    expect(here().isByOwnWay(parent, uid, gid)).toBe(true);
    expect(here().isByOwnWay(parent, uid + 1, gid)).toBe(false);
    expect(here().isByOwnWay(`${parent}/other`, uid, gid)).toBe(false);
  });
  expect(ways.map(({ kind }) => kind)).toEqual(Array(3).fill(InputKind.ownWay));
});
