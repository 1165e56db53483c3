/** `brun delete`. */
import { deleteContainer } from "../container/lifecycle/delete.ts";
import { defineCommand } from "./command.ts";
import { openRuntime } from "./globals.ts";
import { deleteFlags } from "./hot-flags.ts";
import { matching } from "./match.ts";

export default defineCommand({
  meta: { name: "delete", description: "delete a stopped container and all that belongs to it" },
  details: `EXAMPLE
  brun delete web
  brun delete --force web`,
  args: deleteFlags,
  run({ args, data }) {
    const runtime = openRuntime(data);
    for (const id of args.regex ? matching(runtime, args["container-id"]) : [args["container-id"]]) {
      deleteContainer(runtime, id, args.force);
    }
  },
});
