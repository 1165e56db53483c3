/** `brun list`. */
import { list, storedStates } from "../container/state/list.ts";
import { stat } from "../sys/fs.ts";
import { defineCommand } from "./command.ts";
import { formatFlag, isJson, listJson, listTable, wideTable } from "./format.ts";
import { openRuntime } from "./globals.ts";
import { print } from "./output.ts";

const ALL = "all containers are listed, stopped ones too: brun list";

export default defineCommand({
  meta: { name: "list", description: "list the containers under the state directory" },
  details: `EXAMPLE
  brun list
  brun list --quiet`,
  args: {
    format: formatFlag,
    wide: { type: "boolean", alias: "w", description: "show how long they have run, and whose they are" },
    quiet: { type: "boolean", alias: "q", description: "print the ids alone" },
  },
  others: { a: ALL, all: ALL },
  run({ args, data }) {
    const json = !args.quiet && isJson(args.format);
    const runtime = openRuntime(data);
    if (data.values.root !== undefined) stat(runtime.root);
    if (args.quiet) {
      print(
        storedStates(runtime)
          .map(({ stored }) => `${stored.id}\n`)
          .join(""),
      );
      return;
    }
    const states = list(runtime);
    if (args.wide && !json) print(wideTable(states, Date.now()));
    else print(json ? listJson(states) : listTable(states));
  },
});
