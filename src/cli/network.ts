/** `brun network`: the hooks of --network pasta and slirp4netns. Not for people. */
import { BrunError } from "../errors.ts";
import { type Connection, connect, disconnect } from "../sandbox/connect.ts";
import type { Connector } from "../sandbox/network.ts";
import { parsePort } from "../sandbox/ports.ts";
import { readFd } from "../sys/fs.ts";
import { fromUtf8 } from "../sys/utf8.ts";
import { defineCommand } from "./command.ts";

export default defineCommand({
  meta: { name: "network", hidden: true, description: "connect a container's network, as a hook of it" },
  args: {
    operation: { type: "positional", description: "connect or disconnect" },
    mode: { type: "positional", description: "pasta or slirp4netns" },
    directory: { type: "positional", description: "for the pid files" },
    "container-id": { type: "positional", description: "name of the container" },
    ports: {
      type: "positional",
      required: false,
      rest: true,
      description: "[[ADDRESS:]HOST:]CONTAINER[/udp]",
    },
  },
  details:
    "Hooks that brun run --network pasta and slirp4netns write into a config; the container's state is on stdin.",
  run({ args }) {
    const { operation, mode, directory } = args;
    if (mode !== "pasta" && mode !== "slirp4netns") throw new BrunError(`there is no network "${mode}"`);
    const connection: Connection = { mode: mode satisfies Connector, directory, id: args["container-id"] };
    if (operation === "disconnect") disconnect(connection);
    else if (operation === "connect") connect(connection, containerPid(), args.ports.map(parsePort));
    else throw new BrunError(`there is no operation "${operation}"`, { hint: "connect or disconnect" });
  },
});

/** From the state on stdin (runtime-spec, config.md#posix-platform-hooks). */
function containerPid(): number {
  const state: unknown = JSON.parse(fromUtf8(readFd(0, "stdin")));
  const pid = (state as { pid?: unknown } | null)?.pid;
  if (typeof pid === "number") return pid;
  throw new BrunError("the state on stdin has no pid", { hint: "this is a createRuntime hook" });
}
