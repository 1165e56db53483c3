/** `brun features`. */
import { features } from "../features/features.ts";
import { defineCommand } from "./command.ts";
import { print } from "./output.ts";

export default defineCommand({
  meta: { name: "features", description: "print what this brun supports, as JSON" },
  args: {},
  details: `The form is that of the OCI runtime-spec, features.md.

EXAMPLE
  brun features`,
  run() {
    print(`${JSON.stringify(features(), null, 4)}\n`);
  },
});
