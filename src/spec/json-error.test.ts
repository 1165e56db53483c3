import { expect, test } from "bun:test";
import fc from "fast-check";
import { describeSyntaxError } from "./json-error.ts";

test.each([
  ["", "line 1, column 1: expected a value but found the end of the file"],
  ["  \n ", "line 2, column 2: expected a value but found the end of the file"],
  ['{"a": 1} x', 'line 1, column 10: expected the end of the file but found "x"'],
  ['{"a": tru}', 'line 1, column 7: expected a value but found "tru"'],
  ['{"a": nullx}', 'line 1, column 7: expected a value but found "nullx"'],
  ['{"a": 0755}', 'line 1, column 7: expected a value but found "0755"'],
  ['{"a": .5}', 'line 1, column 7: expected a value but found ".5"'],
  ['{"a": 5.}', 'line 1, column 7: expected a value but found "5."'],
  ['{"a": -}', 'line 1, column 7: expected a value but found "-"'],
  ['{"a": +1}', 'line 1, column 7: expected a value but found "+1"'],
  ['{"a": NaN}', 'line 1, column 7: expected a value but found "NaN"'],
  ['{"a": 1,}', 'line 1, column 9: expected a key in quotes but found "}"'],
  ['{"a": 1;}', 'line 1, column 8: expected a "," or "}" but found ";"'],
  ["{,}", 'line 1, column 2: expected a key in quotes or "}" but found ","'],
  ["{a: 1}", 'line 1, column 2: expected a key in quotes or "}" but found "a"'],
  ["{'a': 1}", 'line 1, column 2: expected a key in quotes or "}" but found "\'"'],
  ['{"a" 1}', 'line 1, column 6: expected a ":" but found "1"'],
  ['{"a"', 'line 1, column 5: expected a ":" but found the end of the file'],
  ["[1 2]", 'line 1, column 4: expected a "," or "]" but found "2"'],
  ["[1, ]", 'line 1, column 5: expected a value but found "]"'],
  ["[,1]", 'line 1, column 2: expected a value or "]" but found ","'],
  ["[1}", 'line 1, column 3: expected a "," or "]" but found "}"'],
  ['{"a": "b\nc"}', "line 1, column 9: expected the string's closing quote but found the end of the line"],
  ['{"a": "b', "line 1, column 9: expected the string's closing quote but found the end of the file"],
  ['{"a": "\t"}', "line 1, column 8: expected an escape in a string but found the control character U+0009"],
  ['{"a": "\\x"}', 'line 1, column 8: expected an escape in a string but found "\\\\x"'],
  ['{"a": "\\u12g4"}', 'line 1, column 8: expected an escape in a string but found "\\\\u"'],
  ['{"a" "b"}', 'line 1, column 6: expected a ":" but found a "'],
  ["// hello\n{}", 'line 1, column 1: expected a value but found "/"'],
  ['{\r\n  "a": 1\r\n  "b": 2\r\n}', 'line 3, column 3: expected a "," or "}" but found a "'],
  ["{\n\n\t\u{1f600}}", 'line 3, column 2: expected a key in quotes or "}" but found "\u{1f600}"'],
])("%j", (text, sentence) => {
  expect(() => JSON.parse(text)).toThrow();
  expect(describeSyntaxError(text)).toBe(sentence);
});

test("finds a mistake exactly where JSON.parse does", () => {
  const broken = fc
    .tuple(fc.json(), fc.nat(), fc.nat(3), fc.string({ unit: "grapheme-ascii", maxLength: 3 }))
    .map(([json, at, remove, insert]) => {
      const i = at % (json.length + 1);
      return json.slice(0, i) + insert + json.slice(i + remove);
    });
  fc.assert(
    fc.property(broken, (text) => {
      let valid = true;
      try {
        JSON.parse(text);
      } catch {
        valid = false;
      }
      const sentence = describeSyntaxError(text);
      if (valid) expect(sentence).toBe("not valid JSON");
      else expect(sentence).toMatch(/^line \d+, column \d+: expected .* but found ./);
    }),
    { numRuns: 1000 },
  );
});
