/**
 * docs/recipes.md: each recipe is run, and prints what the page says. A comment before the commands names the programs that
 * they need, and what to do before and after. The compositor, the agent and what looks at Wayland are scripts from there; the
 * others are what they are called. As an ordinary user: root has no recipes of its own.
 */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { installed } from "./support/caller.ts";
import { type Example, exampleHome, examplesIn } from "./support/examples.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";

const subject = subjects(["brun"]).find(({ caller }) => caller.name === "user")!;

interface Recipe {
  readonly title: string;
  readonly needs: readonly string[];
  readonly before: string;
  readonly after: string;
  readonly examples: readonly Example[];
}

function recipes(): Recipe[] {
  const text = readFileSync(`${import.meta.dir}/../docs/recipes.md`, "utf8");
  return text.split(/^## /m).flatMap((section) =>
    section
      .split(/(?<=^```\n)/m)
      .map((part) => ({ part, examples: examplesIn(part) }))
      .filter(({ examples }) => examples.length > 0)
      .map(({ part, examples }) => {
        const [, needs = "", rest = ""] = /<!-- needs ([^\n]*?)(?: -->|\n(.*?)-->)/s.exec(part) ?? [];
        const [, before = ""] = /^before\n(.*?)(?=^after\n|(?![\s\S]))/ms.exec(rest) ?? [];
        const [, after = ""] = /^after\n(.*)/ms.exec(rest) ?? [];
        return {
          title: section.split("\n")[0]!,
          needs: needs.split(" ").filter(Boolean),
          before,
          after,
          examples,
        };
      }),
  );
}

test("each section has a recipe", () => {
  expect(recipes().length).toBeGreaterThanOrEqual(13);
});

for (const { title, needs, before, after, examples } of recipes()) {
  test.skipIf(!needs.every(installed))(
    `${title}${needs.length === 0 ? "" : ` (${needs.join(", ")})`}`,
    async () => {
      await using box = new Sandbox(subject);
      const run = exampleHome(box, subject.caller);
      const inRecipe = (command: string) => run(`[ ! -e .recipe ] || . ./.recipe > /dev/null; ${command}`);
      try {
        expect(await inRecipe(before)).toBe("");
        for (const { command, output } of examples)
          expect({ command, output: await inRecipe(command) }).toEqual({ command, output });
      } finally {
        await inRecipe(after);
      }
      await box.untilGone();
    },
    120_000,
  );
}
