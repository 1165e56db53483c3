import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { InputKind } from "../plan/file-abi.ts";
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
    expect(
      bytes(fresh!)
        .subarray(0, STAMP)
        .every((byte) => byte === 0),
    ).toBe(true);
    expect(bytes(fresh!).subarray(STAMP).toString()).toBe(".ssh\0");
    await Bun.sleep(50);
    const [resting] = recorded(() => namesIn(directory, [".ssh*"]));
    expect(
      bytes(resting!)
        .subarray(0, STAMP)
        .every((byte) => byte === 0),
    ).toBe(false);
    const both = guardOf([resting!, fresh!]);
    expect(both).toHaveLength(1);
    const other = { ...fresh!, answer: Buffer.concat([bytes(fresh!), Buffer.from(".sshd\0")]) };
    expect(guardOf([resting!, other])).toContain("has changed meanwhile");
    // A time that somebody has set does not make it a directory at rest: the kernel sets the other one.
    utimesSync(directory, 1, 1);
    const [set] = recorded(() => namesIn(directory, [".ssh*"]));
    expect(
      bytes(set!)
        .subarray(0, STAMP)
        .every((byte) => byte === 0),
    ).toBe(true);
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
