/** `brun rm`: podman's and docker's word for delete. */
import { deleteContainer } from "../container/lifecycle/delete.ts";
import { defineCommand } from "./command.ts";
import { containerIds, forEachId } from "./container-ids.ts";
import { openRuntime } from "./globals.ts";
import { print } from "./output.ts";

export default defineCommand({
  meta: { name: "rm", description: "delete stopped containers, and print their names" },
  details: `EXAMPLE
  brun rm web`,
  args: {
    "container-ids": containerIds,
    force: {
      type: "boolean",
      alias: "f",
      description: "kill them first if they run; no error if they do not exist",
    },
  },
  short: true,
  run({ args, data }) {
    const runtime = openRuntime(data);
    return forEachId(data, args["container-ids"], (id) => {
      deleteContainer(runtime, id, args.force);
      print(`${id}\n`);
    });
  },
});
