import { expect, test } from "bun:test";
import { inheritedStreams, putBack } from "./streams.ts";

test("pipes and files of the host are handed on", () => {
  expect(inheritedStreams(["pipe:[12]", "/dev/pts/0", "file[1f:2a]"])).toEqual([
    { key: "pipe:[12]", fd: 0 },
    { key: "file[1f:2a]", fd: 2 },
  ]);
});

test("streams that a shell keeps elsewhere are put back where they were", () => {
  const away = ["pipe:[7]", "file[1f:2b]", "file[1f:2a]"];
  expect(putBack(["/in", "/count", "file[1f:2a]"], away)).toEqual(["file[1f:2b]", "/count", "file[1f:2a]"]);
  expect(putBack(["pipe:[1]", "/count", "pipe:[2]"], away)).toEqual(["pipe:[1]", "file[1f:2b]", "pipe:[2]"]);
});
