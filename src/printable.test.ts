import { expect, test } from "bun:test";
import { printable, quoted } from "./printable.ts";

const ESC = "\u001b";

test("what acts on a terminal is shown", () => {
  expect(printable(`a${ESC}[2Jb\u009b31mc\u007fd\re\bf`)).toBe(
    "a\\u001b[2Jb\\u009b31mc\\u007fd\\u000de\\u0008f",
  );
  expect(printable("\u202eabc\u2066\u200f\u061c\u2028")).toBe("\\u202eabc\\u2066\\u200f\\u061c\\u2028");
  expect(printable("größe ✓ 🎉 x\u0301\u00a0")).toBe("größe ✓ 🎉 x\u0301\u00a0");
});

test("lines and tabs stay, unless it is one line", () => {
  expect(printable("a\n\tb")).toBe("a\n\tb");
  expect(printable("a\n\tb", true)).toBe("a\\u000a\\u0009b");
});

test("every control character of Unicode is one of them", () => {
  for (let code = 0; code < 0x10000; code++) {
    const text = String.fromCharCode(code);
    if (!text.isWellFormed()) continue;
    const acts = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u.test(text);
    expect([code, printable(text, true) !== text]).toEqual([code, acts]);
  }
});

test("JSON stays JSON of the same value", () => {
  const value = { [`k${ESC}\u009b`]: `\u009b31m\u007f\u202e\n\t"\\`, list: [1, null, "🎉"] };
  for (const text of [JSON.stringify(value), JSON.stringify(value, null, 2)]) {
    const shown = printable(text);
    expect(JSON.parse(shown)).toEqual(value);
    expect(/[\u007f-\u009f\u202e]/.test(shown)).toBe(false);
  }
});

test("words in quotes", () => {
  expect(quoted(`a${ESC}"\u009b\udcff\\udcff`)).toBe('"a\\u001b\\"\\u009b\\xff\\\\udcff"');
});
