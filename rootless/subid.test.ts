import { describe, expect, test } from "bun:test";
import { parseGetsubids, parseSubids, subidSource, userNameOf } from "./subid.ts";

const file = "/etc/subuid";

describe("parseSubids", () => {
  test("takes ranges by name and by uid, in the file's order, with their lines", () => {
    const text = "other:1:2\ndev:100000:65536\n1000:300000:1000\ndev:500000:10\n";
    expect(parseSubids(text, file, 1000, "dev")).toEqual([
      { start: 100000, size: 65536, origin: "/etc/subuid:2" },
      { start: 300000, size: 1000, origin: "/etc/subuid:3" },
      { start: 500000, size: 10, origin: "/etc/subuid:4" },
    ]);
  });

  test("takes only the number's lines when the uid has no name", () => {
    expect(parseSubids("dev:1:2\n1000:3:4", file, 1000, null)).toEqual([
      { start: 3, size: 4, origin: "/etc/subuid:2" },
    ]);
  });

  test("does not take another user whose name begins the same, or a name that looks like the uid's prefix", () => {
    expect(parseSubids("developer:1:2\n10001:3:4\n100:5:6\n", file, 1000, "dev")).toEqual([]);
  });

  test.each([
    ["comment", "# dev:100000:65536"],
    ["two fields", "dev:100000"],
    ["four fields", "dev:100000:65536:1"],
    ["words", "dev:many:65536"],
    ["negative", "dev:-1:65536"],
    ["hexadecimal", "dev:0x10:65536"],
    ["empty size", "dev:100000:"],
    ["no id at all", "dev:100000:0"],
    ["beyond the last id", "dev:4294967000:65536"],
    ["empty", ""],
    ["CRLF", "dev:100000:65536\r"],
    ["a blank before the name", " dev:100000:65536"],
    ["a blank behind the name", "dev :100000:65536"],
    ["a blank at the end", "dev:100000:65536 "],
    ["octal", "dev:0100000:65536"],
  ])("passes over a malformed line: %s", (_, line) => {
    expect(parseSubids(`${line}\ndev:7:8\n`, file, 1000, "dev")).toEqual([
      { start: 7, size: 8, origin: "/etc/subuid:2" },
    ]);
  });

  test("stands blanks before a number and a missing last newline", () => {
    expect(parseSubids("dev: 7:\t8", file, 1000, "dev")).toEqual([
      { start: 7, size: 8, origin: "/etc/subuid:1" },
    ]);
  });
});

test("userNameOf finds the first name of a uid, and null", () => {
  const passwd =
    "root:x:0:0:root:/root:/bin/sh\n#dev:x:1000:1000::/:/bin/sh\nann:x:1000:5::/:/bin/sh\nbob:x:1000:5::/:\n";
  expect(userNameOf(passwd, 1000)).toBe("ann");
  expect(userNameOf(passwd, 0)).toBe("root");
  expect(userNameOf(passwd, 5)).toBeNull();
  expect(userNameOf("", 0)).toBeNull();
});

test("subidSource reads nsswitch.conf", () => {
  expect(subidSource("passwd: files\nsubid: sss files\n")).toBe("sss");
  expect(subidSource("#subid: sss\npasswd: files\n")).toBe("files");
  expect(subidSource("")).toBe("files");
});

test("parseGetsubids reads what getsubids prints", () => {
  expect(parseGetsubids("0: dev 100000 65536\n1: dev 300000 10\n")).toEqual([
    { start: 100000, size: 65536, origin: "getsubids" },
    { start: 300000, size: 10, origin: "getsubids" },
  ]);
  expect(parseGetsubids("Error fetching ranges\n")).toEqual([]);
});
