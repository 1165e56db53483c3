/** `brun delete`. */
import { deleteContainer } from "../container/delete.ts";
import { defineCommand } from "./command.ts";
import { containerId } from "./container-flags.ts";
import { openRuntime } from "./globals.ts";
import { matching, regexFlag } from "./match.ts";

export default defineCommand({
  meta: { name: "delete", description: "delete a stopped container and all that belongs to it" },
  details: `EXAMPLE
  brun delete web
  brun delete --force web`,
  args: {
    "container-id": containerId,
    force: {
      type: "boolean",
      alias: "f",
      description: "kill it first if it runs; no error if it does not exist",
    },
    regex: regexFlag,
  },
  run({ args, data }) {
    const runtime = openRuntime(data);
    for (const id of args.regex ? matching(runtime, args["container-id"]) : [args["container-id"]]) {
      deleteContainer(runtime, id, args.force);
    }
  },
});
