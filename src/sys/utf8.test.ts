import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { fromUtf8, utf8, utf8Length, withoutMark } from "./utf8.ts";

/** Random bytes, with those near the limits of UTF-8 more often. */
const bytes = fc
  .array(
    fc.oneof(
      fc.nat(255),
      fc.constantFrom(0, 0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff),
      fc.constantFrom(0x8f, 0x90, 0x9f, 0xa0, 0xbb, 0xbd),
    ),
    { maxLength: 40 },
  )
  .map((list) => new Uint8Array(list));

test("whatever bytes come in go out again", () => {
  fc.assert(
    fc.property(bytes, (data) => {
      const text = fromUtf8(data);
      expect(utf8(text)).toEqual(data);
      expect(utf8Length(text)).toBe(data.length);
    }),
    { numRuns: 20_000 },
  );
});

test("bytes are text where another decoder finds text, and texts of two bytes are two texts", () => {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  fc.assert(
    fc.property(bytes, bytes, (data, other) => {
      const text = fromUtf8(data);
      let expected: string | null = null;
      try {
        expected = strict.decode(data);
      } catch {}
      if (expected === null) expect(text.isWellFormed()).toBe(false);
      else expect(text).toBe(expected);
      if (Buffer.compare(data, other) !== 0) expect(fromUtf8(other)).not.toBe(text);
    }),
    { numRuns: 20_000 },
  );
});

test("whatever text comes in goes out again", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(fromUtf8(utf8(text))).toBe(text);
    }),
  );
});

describe("single cases", () => {
  test.each([
    ["a byte of Latin-1", [0x66, 0xff], "f\udcff"],
    ["a surrogate", [0xed, 0xa0, 0x80], "\udced\udca0\udc80"],
    ["an overlong slash", [0xc0, 0xaf], "\udcc0\udcaf"],
    ["half of a character", [0xe2, 0x82], "\udce2\udc82"],
    ["beyond the last character", [0xf4, 0x90, 0x80, 0x80], "\udcf4\udc90\udc80\udc80"],
    ["U+FFFD itself", [0xef, 0xbf, 0xbd], "\ufffd"],
    ["U+FFFD beside a byte that is none", [0xef, 0xbf, 0xbd, 0x80], "\ufffd\udc80"],
    ["a character whose second half looks like a byte", [0xf0, 0x9f, 0x93, 0xbf], "\u{1f4ff}"],
    ["such a character and a byte", [0xf0, 0x9f, 0x93, 0xbf, 0xff], "\u{1f4ff}\udcff"],
    ["a byte order mark", [0xef, 0xbb, 0xbf, 0x78], "\ufeffx"],
  ])("%s", (_, data, text) => {
    expect(fromUtf8(new Uint8Array(data))).toBe(text);
    expect([...utf8(text)]).toEqual(data);
  });

  test("surrogates that stand for no byte become U+FFFD", () => {
    expect(fromUtf8(utf8("a\ud800b\udc00c\udd00\udcff"))).toBe("a\ufffdb\ufffdc\ufffd\udcff");
  });

  test("a byte order mark is taken away from the beginning alone", () => {
    expect(withoutMark("\ufeffx\ufeff")).toBe("x\ufeff");
    expect(withoutMark("")).toBe("");
  });
});
