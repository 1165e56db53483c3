import { describe, expect, test } from "bun:test";
import { E } from "../sys/errno.ts";
import { describeFailure } from "./failure.ts";
import type { Op } from "./program.ts";

const op = (doing: string, name: Op["name"], where = "mounts[3]"): Op => ({
  kind: "syscall",
  name,
  args: [],
  where,
  doing,
});

describe("a failed operation becomes a line with a cause", () => {
  test.each([
    [
      op("mount nosuchfs on /x", "mount"),
      E.ENODEV,
      "mounts[3]: cannot mount nosuchfs on /x: no such device (ENODEV); hint: this kernel does not know the file system nosuchfs, or its module is not loaded",
    ],
    [
      op('exec: "/x"', "execve", "process.args[0]"),
      E.ENOENT,
      'process.args[0]: exec: "/x": no such file or directory; hint: its interpreter, on its #! line or its dynamic loader, is missing in the root',
    ],
    [
      op('exec: "/x"', "execve", "process.args[0]"),
      E.ENOEXEC,
      'process.args[0]: exec: "/x": exec format error; hint: it is for another architecture, or a script without a #! line',
    ],
    [
      op('exec: "/x"', "faccessat2", "process.args[0]"),
      E.ENOENT,
      'process.args[0]: exec: "/x": no such file or directory',
    ],
    [
      op("bind /a on /b", "open_tree"),
      E.EINVAL,
      "mounts[3]: cannot bind /a on /b: invalid argument (EINVAL); hint: in a user namespace a tree with mounts below it needs rbind",
    ],
  ])("%o %d", (failed, errno, line) => {
    expect(describeFailure(failed, errno).text).toBe(line);
  });
});
