import { expect, test } from "bun:test";
import fc from "fast-check";
import { type TarEntry, TarReader } from "./reader.ts";
import { archiveEnd, entryHeaders, filling } from "./writer.ts";

const xattr = fc.dictionary(fc.stringMatching(/^user\.[a-z]{1,20}$/), fc.uint8Array({ maxLength: 40 }), {
  maxKeys: 3,
});
const path = fc
  .array(fc.string({ unit: "binary", minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 5 })
  .map((parts) => parts.map((part) => part.replace(/[/\0\ud800-\udfff]/g, "x")).join("/"));

test("what is written is read as it was", () => {
  fc.assert(
    fc.property(
      path,
      fc.constantFrom("file", "dir", "symlink", "link", "fifo") as fc.Arbitrary<TarEntry["type"]>,
      fc.integer({ min: 0, max: 0o7777 }),
      fc.nat(5_000_000),
      fc.integer({ min: 0, max: 2 ** 40 }),
      path,
      fc.uint8Array({ maxLength: 1500 }),
      xattr,
      (name, type, mode, uid, seconds, linkPath, data, attributes) => {
        const entry: TarEntry = {
          type,
          path: name,
          linkPath: type === "symlink" || type === "link" ? linkPath : "",
          mode,
          uid,
          gid: uid + 1,
          size: type === "file" ? data.length : 0,
          mtime: BigInt(seconds) * 1_000_000_000n,
          xattrs: new Map(Object.entries(attributes).filter(([, value]) => value.length > 0)),
          sparse: null,
        };
        const body = type === "file" ? [data, filling(data.length)] : [];
        const found: TarEntry[] = [];
        let read = Buffer.alloc(0);
        const reader = new TarReader({
          entry: (one) => found.push(one),
          data: (bytes) => {
            read = Buffer.concat([read, bytes]);
          },
          end() {},
        });
        reader.feed(Buffer.concat([entryHeaders(entry), ...body, archiveEnd()]));
        reader.finish();
        expect(found).toEqual([{ ...entry, path: type === "dir" ? `${name.replace(/\/$/, "")}/` : name }]);
        if (type === "file") expect(new Uint8Array(read)).toEqual(data);
      },
    ),
    { numRuns: 200 },
  );
});
