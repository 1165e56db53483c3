import { expect, test } from "bun:test";
import { printable, quoted } from "./printable.ts";

test.each([
  ["plain größe 😀", "plain größe 😀", '"plain größe 😀"'],
  ["f\udcff", "f\\xff", '"f\\xff"'],
  ["\u{1f4ff}\udc80\n", "\u{1f4ff}\\x80\n", '"\u{1f4ff}\\x80\\n"'],
  // What the text has of its own stays what it was.
  ["\\udcff\udcff", "\\udcff\\xff", '"\\\\udcff\\xff"'],
])("%j", (text, shown, inQuotes) => {
  expect(printable(text)).toBe(shown);
  expect(quoted(text)).toBe(inQuotes);
});
