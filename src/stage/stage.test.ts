import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import fc from "fast-check";
import { hookRequest } from "../init/hooks.ts";
import { ANY, ProgramBuilder } from "../plan/program.ts";
import { PR } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { AT_FDCWD, close, O } from "../sys/fs.ts";
import { waitChild } from "../sys/spawn.ts";
import { Message, receiveMessage, sendMessage, sendProgram } from "./messages.ts";
import { launchStage, type Stage } from "./stage.ts";

const directories: string[] = [];

function scratch(): string {
  const directory = mkdtempSync(`${tmpdir()}/brun-stage-`);
  directories.push(directory);
  return directory;
}

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

interface Outcome {
  readonly type: number;
  readonly op?: number;
  readonly errno?: number;
  readonly detail?: number;
}

function receive(stage: Stage): Outcome | null {
  const message = receiveMessage(stage.socket, 5000);
  if (message === null) return null;
  if (message.fd >= 0) close(message.fd);
  if (message.type !== Message.error) return { type: message.type };
  return {
    type: message.type,
    op: message.payload.getUint32(0, true),
    errno: message.payload.getInt32(4, true),
    detail: Number(message.payload.getBigInt64(8, true)),
  };
}

/** Runs a program that is built by `build` and then says procReady. Returns that message or the failure. */
function outcome(build: (b: ProgramBuilder) => void): Outcome | null {
  const b = new ProgramBuilder();
  build(b);
  b.send(Message.ready, null, 0);
  return withStage((stage) => {
    sendProgram(stage.socket, b.finish().bytes);
    return receive(stage);
  });
}

function withStage<T>(use: (stage: Stage) => T): T {
  const stage = launchStage(0);
  try {
    return use(stage);
  } finally {
    close(stage.socket);
    expect(waitChild(stage.pid).signal).toBe(0);
  }
}

const ready = { type: Message.ready };
const failed = (op: number, errno: number, detail = 0) => ({ type: Message.error, op, errno, detail });

describe("operations", () => {
  test("a system call's failure names the operation and the errno", () => {
    expect(
      outcome((b) => {
        b.sys("getpid", []);
        b.sys("chdir", [b.str("/does/not/exist")]);
      }),
    ).toEqual(failed(1, E.ENOENT));
  });

  test("handled errnos, jumps and slots", () => {
    const directory = scratch();
    expect(
      outcome((b) => {
        const other = b.label();
        const end = b.label();
        const path = b.str(`${directory}/missing`);
        const fd = b.get("openat", [AT_FDCWD, path, O.RDONLY, 0], {
          handle: [E.EACCES, E.ENOENT],
          orElse: other,
          andThen: end,
        });
        b.sys("chdir", [b.str("/never")]);
        b.mark(other);
        b.get("openat", [AT_FDCWD, path, O.WRONLY | O.CREAT, 0o600], { out: fd });
        b.sys("write", [fd, b.str("hello"), 5], { close: [fd] });
        b.sys("write", [fd, b.str("closed"), 6], { handle: [E.EBADF] });
        b.mark(end);
      }),
    ).toEqual(ready);
    expect(readFileSync(`${directory}/missing`, "utf8")).toBe("hello");
  });

  test("an errno that is not handled fails, ANY handles all", () => {
    expect(outcome((b) => b.sys("chdir", [b.str("/x")], { handle: [E.EPERM] }))).toEqual(failed(0, E.ENOENT));
    expect(outcome((b) => b.sys("chdir", [b.str("/x")], { handle: [ANY] }))).toEqual(ready);
  });

  test("check compares bytes under a mask, poke writes numbers and decimal text", () => {
    const directory = scratch();
    const wrong = outcome((b) => b.check(b.bytes(new Uint8Array([0xf4, 1]), "x"), 2, 0xff, 0xf5, E.EXDEV));
    expect(wrong).toEqual(failed(0, E.EXDEV));
    expect(
      outcome((b) => {
        const number = b.reserve(8);
        b.poke(number, 0x11223344, 4);
        b.check(number, 8, -1n, 0x11223344n, E.EINVAL);
        b.poke(number, -7, 8);
        b.check(number, 8, -1n, -7n, E.EINVAL);
        const fd = b.get("openat", [AT_FDCWD, b.str(`${directory}/f`), O.RDWR | O.CREAT, 0o600]);
        // Opening the magic link makes another description of the same file.
        const again = b.get("openat", [AT_FDCWD, b.fdPath(fd), O.WRONLY, 0]);
        b.sys("write", [again, b.str("by path"), 7]);
      }),
    ).toEqual(ready);
    expect(readFileSync(`${directory}/f`, "utf8")).toBe("by path");
  });

  test("a text has descriptors by their paths, wherever in it they stand", () => {
    const directory = scratch();
    expect(
      outcome((b) => {
        const fd = b.get("openat", [AT_FDCWD, b.str(directory), O.PATH | O.DIRECTORY, 0]);
        b.sys("mkdirat", [AT_FDCWD, b.fdText([fd, "/one"]), 0o700]);
        b.sys("symlinkat", [b.fdText(["a=", fd, "/b,c=", fd]), fd, b.str("two")]);
      }),
    ).toEqual(ready);
    expect(statSync(`${directory}/one`).isDirectory()).toBe(true);
    expect(readlinkSync(`${directory}/two`)).toMatch(
      /^a=\/proc\/self\/fd\/+(\d+)\/b,c=\/proc\/self\/fd\/+\1$/,
    );
  });

  test("mode writes four octal digits and nothing beyond them", () => {
    const directory = scratch();
    chmodSync(directory, 0o1640);
    const digits = (text: string) =>
      new DataView(new TextEncoder().encode(text).buffer).getBigUint64(0, true);
    expect(
      outcome((b) => {
        const text = b.bytes(new TextEncoder().encode("........"), "text");
        b.mode(b.inside(text, 1), b.get("openat", [AT_FDCWD, b.str(directory), O.PATH, 0]));
        b.check(text, 8, -1n, digits(".1640..."), E.EINVAL);
      }),
    ).toEqual(ready);
    expect(outcome((b) => b.mode(b.inside(b.reserve(8), 5), b.slot()))).toMatchObject({ errno: E.EBADMSG });
  });

  test("numbers reach the kernel with all their bits", () => {
    const directory = scratch();
    const size = 5_000_000_000;
    expect(
      outcome((b) => {
        const fd = b.get("openat", [AT_FDCWD, b.str(`${directory}/f`), O.RDWR | O.CREAT, 0o600]);
        b.sys("ftruncate", [fd, size]);
        b.sys("ftruncate", [fd, -1], { handle: [E.EINVAL] });
        b.sys("ftruncate", [fd, BigInt(size) + 1n]);
      }),
    ).toEqual(ready);
    expect(statSync(`${directory}/f`).size).toBe(size + 1);
  });

  test("target makes what is missing and does not leave the root", () => {
    const directory = scratch();
    const outside = scratch();
    symlinkSync(outside, `${directory}/link`);
    symlinkSync("../../../..", `${directory}/up`);
    expect(
      outcome((b) => {
        const root = b.get("openat", [AT_FDCWD, b.str(directory), O.PATH | O.DIRECTORY, 0]);
        b.target(root, "a/b/c", 0x10, "dir");
        b.target(root, "a/b/file", 0x10, "file");
        b.target(root, "a/b/file", 0x10, "file");
        b.target(root, "up/d/../e", 0x10, "dir");
        b.target(root, "new", 0x10, "dir", true);
        b.target(root, "new", 0x10, "dir", true);
        b.target(root, "newer", 0x10, "file", true);
        // A path that exists although it is taken for missing is opened, also through a link.
        b.target(root, "up", 0x10, "dir", true);
        b.target(root, "link", 0x10, "dir", true);
      }),
    ).toEqual(ready);
    expect(statSync(`${directory}/new`).isDirectory()).toBe(true);
    expect(statSync(`${directory}/newer`).isFile()).toBe(true);
    expect(statSync(`${directory}/a/b/c`).isDirectory()).toBe(true);
    expect(statSync(`${directory}/a/b/file`).isFile()).toBe(true);
    expect(statSync(`${directory}/e`).isDirectory()).toBe(true);
    expect(statSync(`${directory}/d`).isDirectory()).toBe(true);
    expect(
      outcome((b) => {
        const root = b.get("openat", [AT_FDCWD, b.str(directory), O.PATH | O.DIRECTORY, 0]);
        b.target(root, "a/b/file/x", 0x10, "dir");
      }),
    ).toEqual(failed(1, E.ENOTDIR));
  });

  test("spawn: status, missing program, time-out kills the process group", () => {
    const directory = scratch();
    const hook = (script: string) => ({
      path: "/bin/sh",
      args: ["sh", "-c", script],
      env: ["PATH=/usr/bin:/bin"],
    });
    expect(outcome((b) => b.spawn(hookRequest({ b }, hook("exit 3")), null, -1))).toEqual(
      failed(0, E.ECHILD, 3 << 8),
    );
    expect(outcome((b) => b.spawn(hookRequest({ b }, { path: "/no/hook" }), null, -1))).toEqual(
      failed(0, E.ENOENT),
    );
    const began = performance.now();
    const script = `(sleep 5; touch ${directory}/late) & wait`;
    expect(outcome((b) => b.spawn(hookRequest({ b }, hook(script)), null, 100))).toEqual(
      failed(0, E.ETIMEDOUT),
    );
    expect(performance.now() - began).toBeLessThan(4000);
    expect(outcome((b) => b.spawn(hookRequest({ b }, hook("exit 0")), null, 5000))).toEqual(ready);
  });

  test("programs follow one another and keep the slots", () => {
    withStage((stage) => {
      const first = new ProgramBuilder();
      const fd = first.get("openat", [AT_FDCWD, first.str("/"), O.PATH, 0]);
      first.send(Message.hooks, null, 0);
      sendProgram(stage.socket, first.finish().bytes);
      expect(receive(stage)).toEqual({ type: Message.hooks });
      const second = new ProgramBuilder(false, first);
      second.sys("fchdir", [fd]);
      second.send(Message.ready, null, Message.run);
      sendProgram(stage.socket, second.finish().bytes);
      expect(receive(stage)).toEqual(ready);
      sendMessage(stage.socket, Message.run);
    });
  });

  test("the failure of a program is told although the next one has been sent", () => {
    for (let i = 0; i < 50; i++) {
      withStage((stage) => {
        const first = new ProgramBuilder();
        first.sys("chdir", [first.str("/does/not/exist")]);
        sendProgram(stage.socket, first.finish().bytes);
        const second = new ProgramBuilder(false, first);
        second.send(Message.ready, null, 0);
        sendProgram(stage.socket, second.finish().bytes);
        expect(receive(stage)).toEqual(failed(0, E.ENOENT));
      });
    }
  });

  test("the stage ends when brun has gone", () => {
    const stage = launchStage(0);
    close(stage.socket);
    expect(waitChild(stage.pid)).toEqual({ code: 0, signal: 0 });
  });
});

describe("a program that is no program", () => {
  const refused = [E.EBADMSG, E.EPROTO, E.EMSGSIZE] as number[];

  function send(bytes: Uint8Array): Outcome | null {
    return withStage((stage) => {
      sendProgram(stage.socket, bytes);
      return receive(stage);
    });
  }

  function valid(): Uint8Array {
    const b = new ProgramBuilder();
    const fd = b.get("openat", [AT_FDCWD, b.str("/"), O.PATH, 0], { handle: [E.ENOENT] });
    b.poke(b.reserve(32), fd, 0);
    b.check(b.reserve(8), 8, 0, 0, E.EINVAL);
    b.strArray(["a", "b"], "array");
    b.send(Message.ready, null, 0);
    return b.finish().bytes;
  }

  const edits: readonly (readonly [string, (v: DataView) => void])[] = [
    ["magic", (v) => v.setUint32(0, 1, true)],
    ["more operations than bytes", (v) => v.setUint32(4, 0xffffffff, true)],
    ["fewer operations than bytes", (v) => v.setUint32(4, 1, true)],
    ["more relocations than bytes", (v) => v.setUint32(8, 0x20000000, true)],
    ["a longer blob", (v) => v.setUint32(12, v.getUint32(12, true) + 1, true)],
    ["strings beyond the blob", (v) => v.setUint32(16, 0xfffffff0, true)],
    ["an unknown kind", (v) => v.setUint16(24, 99, true)],
    ["an argument beyond the strings", (v) => v.setBigUint64(24 + 24 + 8, 1n << 40n, true)],
    ["a slot out of range", (v) => v.setUint16(24 + 6, 1024, true)],
    ["a jump back", (v) => v.setUint32(24 + 16, 0, true)],
    ["a jump beyond the end", (v) => v.setUint32(24 + 12, 1000, true)],
    ["a slot to close out of range", (v) => v.setUint16(24 + 20, 1024, true)],
    ["a poke of a strange width", (v) => v.setBigUint64(24 + 72 + 24 + 16, 3n, true)],
    ["a poke beyond the blob", (v) => v.setBigUint64(24 + 72 + 24, 1_000_000n, true)],
    ["a poke into the strings", (v) => v.setBigUint64(24 + 72 + 24, BigInt(v.getUint32(16, true) - 7), true)],
    ["a poke whose width is a slot", (v) => v.setUint16(24 + 72 + 4, 0b10_10_01, true)],
    ["a check whose width is a slot", (v) => v.setUint16(24 + 144 + 4, 0b10_01, true)],
    ["a string without an end", (v) => v.setUint8(v.byteLength - 1, 0x41)],
  ];
  for (const [name, edit] of edits) {
    test(`${name} is refused`, () => {
      const bytes = valid();
      edit(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
      expect(refused).toContain(send(bytes)?.errno ?? 0);
    });
  }

  test("a mask's place that is a slot, and a path that is a struct, are refused", () => {
    const bits = new ProgramBuilder();
    bits.bits("prctl", 1, 1, [PR.CAPBSET_DROP, 0, 0, 0]);
    const target = new ProgramBuilder();
    target.reserve(8);
    target.target(target.slot(), "x", 0, "dir");
    for (const [builder, types] of [
      [bits, 0b10_00],
      [target, 0b01_10],
    ] as const) {
      const { bytes } = builder.finish();
      new DataView(bytes.buffer).setUint16(24 + 4, types, true);
      expect(send(bytes)?.errno).toBe(E.EBADMSG);
    }
  });

  test("the program itself is fine", () => expect(send(valid())).toEqual(ready));

  test("random bytes never crash the decoder", () => {
    const header = fc.record({
      ops: fc.integer({ min: 1, max: 3 }),
      relocations: fc.nat(2),
      tail: fc.uint8Array({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(header, ({ ops, relocations, tail }) => {
        const bytes = new Uint8Array(24 + tail.length);
        const blob = Math.max(0, tail.length - 72 * ops - 8 * relocations);
        new Uint32Array(bytes.buffer, 0, 6).set([0x6e757262, ops, relocations, blob, blob, 0]);
        bytes.set(tail, 24);
        // If the bytes decode, they must not run: the unknown kind of the first operation prevents it.
        if (tail.length > 1) bytes.set([0xff, 0xff], 24);
        const result = send(bytes);
        return refused.includes(result?.errno ?? 0);
      }),
      { numRuns: 60 },
    );
  });
});
