import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { joined } from "../../sys/utf8.ts";
import { type FrameRecord, FrameWriter, readFrame } from "./frame.ts";

const bytes = fc.uint8Array({ minLength: 1, maxLength: 3000 }).map((bytes) => ({ bytes }));
const file = fc.record({
  path: fc.string({ minLength: 1, maxLength: 40 }).filter((path) => !/[\ud800-\udfff]/.test(path)),
  chunks: fc.array(
    fc.record({ offset: fc.nat({ max: 2 ** 40 }), size: fc.integer({ min: 1, max: 2 ** 31 }) }),
    { minLength: 1, maxLength: 5 },
  ),
});

function reader(frame: Uint8Array): (size: number) => Uint8Array {
  let at = 0;
  return (size) => {
    at += size;
    return frame.subarray(at - size, at);
  };
}

/** Joins adjacent records of bytes, since a writer may split them anywhere. */
function merged(records: Iterable<FrameRecord>): FrameRecord[] {
  const all: FrameRecord[] = [];
  for (const record of records) {
    const last = all.at(-1);
    if ("bytes" in record && last !== undefined && "bytes" in last)
      all[all.length - 1] = { bytes: joined([last.bytes, record.bytes]) };
    else all.push("bytes" in record ? { bytes: record.bytes.slice() } : record);
  }
  return all;
}

test("what is written is read", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(bytes, file), { maxLength: 40 }), (records) => {
      const written: Uint8Array[] = [];
      const writer = new FrameWriter((part) => written.push(part.slice()));
      for (const record of records) {
        if ("bytes" in record) writer.bytes(record.bytes);
        else writer.file(record.path, record.chunks);
      }
      writer.finish();
      const frame = joined(written);
      expect(merged(readFrame(reader(frame)))).toEqual(merged(records));
    }),
  );
});

test("more than a block", () => {
  const written: Uint8Array[] = [];
  const writer = new FrameWriter((part) => written.push(part));
  const large = new Uint8Array(5 << 20).map((_, i) => i % 251);
  writer.bytes(large);
  for (let i = 0; i < 50_000; i++) writer.file(`directory/of/the/file/${i}`, [{ offset: 0, size: i + 1 }]);
  writer.finish();
  expect(written.length).toBeGreaterThan(2);
  const frame = joined(written);
  const [first, ...files] = merged(readFrame(reader(frame)));
  expect(first).toEqual({ bytes: large });
  expect(files.length).toBe(50_000);
});
