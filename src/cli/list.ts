/** `brun list`. */
import { list, storedStates } from "../container/state/list.ts";
import { keepListPlan } from "../container/state/list-plan.ts";
import type { ContainerState, Runtime } from "../container/types.ts";
import { leftByFront } from "../plan/local.ts";
import { SysError } from "../sys/error.ts";
import { stat } from "../sys/fs.ts";
import { defineCommand } from "./command.ts";
import { isJson, LIST_TITLES, listJson, listTable, wideTable } from "./format.ts";
import { openRuntime } from "./globals.ts";
import { listFlags } from "./hot-flags.ts";
import { print, toStdout } from "./output.ts";

const ALL = "all containers are listed, stopped ones too: brun list";

export default defineCommand({
  meta: { name: "list", description: "list the containers under the state directory" },
  details: `EXAMPLE
  brun list
  brun list --quiet`,
  args: listFlags,
  others: { a: ALL, all: ALL },
  run({ args, data }) {
    const left = leftByFront();
    if (left !== null) {
      toStdout(() => {
        throw new SysError("write stdout", left.errno);
      });
    }
    const json = !args.quiet && isJson(args.format);
    const runtime = openRuntime(data);
    if (data.values.root !== undefined) stat(runtime.root);
    print(args.quiet ? ids(runtime) : text(list(runtime), json, args.wide));
    keepListPlan(runtime.root, LIST_TITLES);
  },
});

function ids(runtime: Runtime): string {
  return storedStates(runtime)
    .map(({ stored }) => `${stored.id}\n`)
    .join("");
}

function text(states: readonly ContainerState[], json: boolean, wide: boolean): string {
  if (json) return listJson(states);
  return wide ? wideTable(states, Date.now()) : listTable(states);
}
