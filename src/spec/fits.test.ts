import { expect, test } from "bun:test";
import { generate } from "./fits.write.ts";

test("the compiled checks are those of the schemas (else: bun src/spec/fits.write.ts)", async () => {
  expect(await Bun.file(`${import.meta.dir}/fits.gen.ts`).text()).toBe(generate());
});
