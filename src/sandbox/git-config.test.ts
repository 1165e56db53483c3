/** Tests the syntax of git's config files against git itself. */
import { expect, test } from "bun:test";
import { gitVariables } from "./git-config.ts";

const CONFIGS = [
  "[core] hooksPath = a\n[include]path=b\n\tpath = c d  # comment\n",
  '\ufeff[includeIf "gitdir:~/a \\"b\\" [c]/"]\n\tpath = "a;b" c\\t\\"\\\\ ; comment\n',
  "[a]\n\tb = one \\\n  two\n\tc\n\td=\n\te = \n[a.Sub]\r\n\tf = x\r\n",
  '# [core]\n; hooksPath = no\n[Core]\n\tHooksPath = "x # y" z""\n\tfs-monitor = true',
  "[x-y]\n\tpath =\t~/a\n\n\n[include]\n",
];

test("variables of a config are those that git finds", () => {
  for (const config of CONFIGS) {
    const command = ["git", "config", "--file", "-", "--no-includes", "--list", "--null"];
    const { stdout, exitCode } = Bun.spawnSync(command, { stdin: Buffer.from(config) });
    expect([config, exitCode]).toEqual([config, 0]);
    const found = stdout.toString().split("\0").slice(0, -1);
    // A name without "=" has no value, and git prints no newline after it.
    const expected = found
      .filter((one) => one.includes("\n"))
      .map((one) => {
        const [name = "", ...lines] = one.split("\n");
        const parts = name.split(".");
        return { key: `${parts[0]}.${parts.at(-1)}`, value: lines.join("\n") };
      });
    expect(gitVariables(config).map(({ key, value }) => ({ key: key.replace(".sub.", "."), value }))).toEqual(
      expected,
    );
  }
});

test("what is after an error does not count, and a long config takes no long time", () => {
  expect(gitVariables("[core]\n a = b\n = c\n d = e\n")).toEqual([{ key: "core.a", value: "b" }]);
  const long = `[a]\n b = ${"x ".repeat(200_000)}\n${"\\".repeat(100_000)}`;
  const start = performance.now();
  expect(gitVariables(long)).toHaveLength(1);
  expect(performance.now() - start).toBeLessThan(2000);
});
