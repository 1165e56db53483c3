/** Where brun runs: each place of places.ts, and docs/places.md that shows them. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { installed, isRoot } from "../support/caller.ts";
import { HAS_FRONT } from "../support/front.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import { EPERM, refusing, without } from "../support/without.ts";
import { placesPage } from "./page.ts";
import { PLACES, placeVariables } from "./places.ts";

for (const place of PLACES) {
  const subject = subjects(["brun"]).find(({ caller }) => caller.name === place.caller);
  const possible =
    subject !== undefined &&
    (place.make === undefined || isRoot) &&
    (place.byFront === undefined || HAS_FRONT) &&
    (place.needs ?? []).every((program) => installed(program));
  describe.if(possible)(`as ${place.caller}`, () => {
    test(place.name, async () => {
      await using box = new Sandbox(subject!);
      const make = ["unshare", "--mount", "--propagation=private", "sh", "-c", place.make ?? "", "sh"];
      const inside = [
        "env",
        ...placeVariables(place),
        "sh",
        // The checkout may be where the user cannot go.
        box.file("inside.sh", await Bun.file(`${import.meta.dir}/inside.sh`).text()),
        `${box.dir}/place`,
      ];
      const filter = place.filtered === undefined ? [] : without(refusing(place.filtered, EPERM));
      const outcome = await box.call([], {
        ...(place.make !== undefined && { under: make }),
        around: [...(place.around ?? []), ...filter, ...inside],
      });
      expect(outcome).toMatchObject({ code: 0, stderr: "" });
    });
  });
}

test("docs/places.md shows the places", () => {
  expect(readFileSync(`${import.meta.dir}/../../docs/places.md`, "utf8")).toBe(placesPage());
});
