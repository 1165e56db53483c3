import { describe, expect, test } from "bun:test";
import { headerBlock, padded, type TestEntry, tarOf } from "../testing/tar.ts";
import { type TarEntry, TarError, TarReader } from "./reader.ts";

interface Read extends TarEntry {
  readonly data: string;
}

/** Reads an archive in pieces of this size, and puts the data of each entry in its place. */
function read(archive: Uint8Array, piece = 100): Read[] {
  const entries: Read[] = [];
  let bytes = new Uint8Array(0);
  const reader = new TarReader({
    entry(entry) {
      entries.push({ ...entry, data: "" });
      bytes = new Uint8Array(Math.min(entry.size, 1 << 20));
    },
    data(chunk, offset) {
      bytes.set(chunk, offset);
    },
    end() {
      entries[entries.length - 1] = { ...entries.at(-1)!, data: new TextDecoder().decode(bytes) };
    },
  });
  const buffer = new Uint8Array(piece);
  for (let at = 0; at < archive.length; at += piece) {
    // The buffer is reused, as callers do.
    const part = archive.subarray(at, at + piece);
    buffer.set(part);
    reader.feed(buffer.subarray(0, part.length));
  }
  reader.finish();
  return entries;
}

const one = (entry: TestEntry, piece?: number): Read => read(tarOf([entry]), piece)[0]!;

describe("tar archives", () => {
  test.each([1, 7, 511, 512, 513, 4096])("in pieces of %d bytes", (piece) => {
    const entries = read(
      tarOf([
        { path: "dir", type: "5" },
        { path: "dir/file", data: "x".repeat(1000), uid: 33, mode: 0o4755 },
        { path: "dir/link", type: "2", link: "../elsewhere" },
        { path: "empty" },
      ]),
      piece,
    );
    expect(entries.map(({ type, path, data }) => [type, path, data.length])).toEqual([
      ["dir", "dir", 0],
      ["file", "dir/file", 1000],
      ["symlink", "dir/link", 0],
      ["file", "empty", 0],
    ]);
    expect(entries[1]).toMatchObject({ uid: 33, mode: 0o4755, mtime: 1_600_000_000_000_000_000n });
    expect(entries[2]!.linkPath).toBe("../elsewhere");
  });

  test("extended headers: names, times, owners, attributes in bytes", () => {
    const capability = new Uint8Array([1, 0, 0, 2, 0, 10, 61, 0, 255, 0]);
    const entry = one({
      path: "short",
      data: "abc",
      pax: {
        path: "a/very/long/name\u00e9",
        uid: "70000",
        gid: "70001",
        mtime: "1350244992.023960108",
        "SCHILY.xattr.security.capability": capability,
        "LIBARCHIVE.xattr.user.a%3db": btoa("value"),
      },
    });
    expect(entry).toMatchObject({ path: "a/very/long/name\u00e9", uid: 70000, gid: 70001, data: "abc" });
    expect(entry.mtime).toBe(1_350_244_992_023_960_108n);
    expect(entry.xattrs.get("security.capability")).toEqual(capability);
    expect(entry.xattrs.get("user.a=b")).toEqual(new TextEncoder().encode("value"));
  });

  test("global headers hold until they are taken back", () => {
    const archive = Buffer.concat([
      ...extra("g", "13 uid=12345\n"),
      tarOf([{ path: "a" }]).subarray(0, 512),
      tarOf([{ path: "b", pax: { uid: "" } }]),
    ]);
    expect(read(archive).map(({ uid }) => uid)).toEqual([12345, 0]);
  });

  test("GNU's long names and links", () => {
    const name = "n".repeat(300);
    const archive = Buffer.concat([
      ...extra("L", `${name}\0`),
      ...extra("K", `${"t".repeat(200)}\0`),
      tarOf([{ path: "cut off", type: "2", link: "cut off" }]),
    ]);
    expect(read(archive)[0]).toMatchObject({ path: name, linkPath: "t".repeat(200) });
  });

  test("sparse files of format 1.0 and 0.1", () => {
    const map = "2\n0\n3\n1000\n4\n";
    const data = Buffer.concat([padded(new TextEncoder().encode(map)), new TextEncoder().encode("abcdefg")]);
    const pax = {
      "GNU.sparse.major": "1",
      "GNU.sparse.minor": "0",
      "GNU.sparse.name": "real",
      "GNU.sparse.realsize": "1004",
    };
    const entry = one({ path: "GNUSparseFile.1/real", data, pax });
    expect([entry.path, entry.size, entry.data.slice(0, 3), entry.data.slice(1000)]).toEqual([
      "real",
      1004,
      "abc",
      "defg",
    ]);
    const old = { "GNU.sparse.map": "0,3,1000,4", "GNU.sparse.size": "1004", "GNU.sparse.numblocks": "2" };
    const second = one({ path: "x", data: "abcdefg", pax: old });
    expect([second.size, second.data.slice(0, 3), second.data.slice(1000)]).toEqual([1004, "abc", "defg"]);
  });

  test("names are bytes", () => {
    const archive = tarOf([{ path: "x" }]);
    archive[0] = 0xff;
    let sum = 8 * 0x20;
    for (let i = 0; i < 512; i++) sum += i >= 148 && i < 156 ? 0 : archive[i]!;
    archive.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
    expect(read(archive)[0]!.path).toBe("\udcff");
  });
});

/** An extra header and its data. */
function extra(type: string, data: string): Uint8Array[] {
  const bytes = new TextEncoder().encode(data);
  return [headerBlock({ path: "././@LongLink", type }, bytes.length), padded(bytes)];
}

describe("damaged archives", () => {
  const cases: [string, Uint8Array, string][] = [
    ["cut off in a file", tarOf([{ path: "a", data: "x".repeat(600) }]).subarray(0, 900), "cut off"],
    ["cut off in a header", tarOf([{ path: "a" }]).subarray(0, 300), "cut off"],
    ["a header that is none", new Uint8Array(1024).fill(65), "checksum"],
    ["an unknown type", tarOf([{ path: "a", type: "Z" }]), "unknown type"],
    [
      "an extended header of a gigabyte",
      headerBlock({ path: "x", type: "x", size: 1 << 30 }, 0),
      "extended header has",
    ],
    [
      "a record that is longer than its header",
      Buffer.concat([...extra("x", "99 path=a\n"), tarOf([{ path: "a" }])]),
      "damaged",
    ],
    ["a name with a NUL", tarOf([{ path: "a", pax: { path: "a\0b" } }]), "NUL"],
    ["a size that is no number", tarOf([{ path: "a", pax: { size: "-1" } }]), "size is no number"],
    [
      "a sparse map beyond its file",
      tarOf([{ path: "a", data: "ab", pax: { "GNU.sparse.map": "5,2", "GNU.sparse.size": "3" } }]),
      "does not fit",
    ],
    [
      "a sparse map that goes back",
      tarOf([{ path: "a", data: "ab", pax: { "GNU.sparse.map": "1,1,0,1", "GNU.sparse.size": "3" } }]),
      "does not fit",
    ],
    ["an extended header without an entry", Buffer.concat(extra("x", "7 a=bc\n")), "cut off"],
  ];
  test.each(cases)("%s", (_, archive, why) => {
    expect(() => read(archive)).toThrow(TarError);
    expect(() => read(archive)).toThrow(why);
  });
});
