/** Where brun runs: each place of places.ts, and docs/places.md that shows them. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { installed, isRoot } from "../support/caller.ts";
import { subjects } from "../support/runtime.ts";
import { type CallOptions, Sandbox } from "../support/sandbox.ts";
import { placesPage } from "./page.ts";
import { PLACES } from "./places.ts";

for (const place of PLACES) {
  const subject = subjects(["brun"]).find(({ caller }) => caller.name === place.caller);
  const possible =
    subject !== undefined &&
    (place.make === undefined || isRoot) &&
    (place.needs ?? []).every((program) => installed(program));
  describe.if(possible)(`as ${place.caller}`, () => {
    test(place.name, async () => {
      await using box = new Sandbox(subject!);
      const options: CallOptions = {
        ...(place.make && {
          under: ["unshare", "--mount", "--propagation=private", "sh", "-c", place.make, "sh"],
        }),
        ...(place.around && { around: place.around }),
      };
      const call = (...args: string[]) => box.call(args, options);
      const bundle = box.bundle((spec) => {
        // As engines write it: the ids are brun's to choose.
        delete spec.linux.uidMappings;
        delete spec.linux.gidMappings;
        spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "user");
        spec.process.args = ["sh", "-c", "echo ran"];
      });
      const first = await call("run", "--bundle", bundle, box.name());
      expect(first).toMatchObject({ code: 0, stdout: "ran\n" });
      if (place.says === undefined) expect(first.stderr).toBe("");
      else expect(first.stderr).toMatch(new RegExp(`^brun: warning: [^\n]*${place.says}[^\n]*\n$`));
      const again = { code: 0, stdout: "ran\n", stderr: "" };
      expect(await call("run", "--bundle", bundle, box.name())).toMatchObject(again);
      expect(await call("run", "--rootfs", `${bundle}/rootfs`, "--", "echo", "ran")).toMatchObject(again);
      const host = await call("run", "--host", "--", "echo", "ran");
      expect([host.code, host.stdout]).toEqual([0, "ran\n"]);
      // In one go: each command of its own would be in another user namespace, where the place is one.
      const id = box.name();
      const life = `"$@" run -d --rootfs ${bundle}/rootfs ${id} -- sh -c "exec sleep 60 </dev/null >/dev/null 2>&1" >/dev/null &&
        "$@" exec ${id} echo ran && "$@" delete --force ${id}`;
      const around = [...(place.around ?? []), "sh", "-c", life, "sh"];
      expect(await box.call([], { ...options, around })).toMatchObject(again);
      // 1: things could be better; 2: no containers.
      expect((await call("doctor")).code).toBeLessThan(2);
    });
  });
}

test("docs/places.md shows the places", () => {
  expect(readFileSync(`${import.meta.dir}/../../docs/places.md`, "utf8")).toBe(placesPage());
});
