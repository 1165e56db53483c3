/**
 * Compiled for arm64 and run under qemu: prints programs as the stage takes them, in base64, one a line.
 *   usage: program.ts DIRECTORY
 */

import { ProgramBuilder } from "../../src/plan/program.ts";
import { Message } from "../../src/stage/messages.ts";
import { E } from "../../src/sys/errno.ts";
import { AT_FDCWD, O } from "../../src/sys/fs.ts";

const [directory] = process.argv.slice(2) as [string];

function show(build: (b: ProgramBuilder) => void): void {
  const b = new ProgramBuilder();
  build(b);
  b.send(Message.ready, null, 0);
  console.log(b.finish().bytes.toBase64());
}

// Flags that differ from x86-64's, and numbers that do.
show((b) => {
  b.sys("mkdirat", [AT_FDCWD, b.str(`${directory}/made`), 0o755]);
  b.sys("symlinkat", [b.str("made"), AT_FDCWD, b.str(`${directory}/link`)]);
  const fd = b.get("openat", [AT_FDCWD, b.str(`${directory}/made`), O.DIRECTORY | O.NOFOLLOW | O.RDONLY, 0]);
  b.sys("fchmod", [fd, 0o700]);
  b.sys("chdir", [b.str(`${directory}/link`)]);
  b.sys("mkdirat", [AT_FDCWD, b.str("below"), 0o755]);
});
show((b) => {
  b.sys("openat", [AT_FDCWD, b.str(`${directory}/link`), O.NOFOLLOW | O.RDONLY, 0]);
});
show((b) => {
  b.sys("chdir", [b.str("/does/not/exist")], { handle: [E.ENOENT] });
  b.sys("chdir", [b.str("/does/not/exist")]);
});
