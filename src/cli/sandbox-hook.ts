/** `brun sandbox-hook`: hooks of containers without a bundle. Not for people. */
import { BrunError } from "../errors.ts";
import { ownCommand } from "../host/ask.ts";
import { auditor } from "../sandbox/audit/hear.ts";
import { beginning, finishAudit } from "../sandbox/audit/report.ts";
import { type Connection, connect, disconnect } from "../sandbox/connect.ts";
import { unmountFuse } from "../sandbox/fuse.ts";
import { parsePort } from "../sandbox/ports.ts";
import { type AgentPlace, type AgentPurpose, askAgent, serveAgent, startAgent } from "../seccomp/agent.ts";
import { checkRecorded, recorder } from "../seccomp/record/recording.ts";
import { readFd } from "../sys/fs.ts";
import { lazy } from "../sys/lazy.ts";
import { fromUtf8 } from "../sys/utf8.ts";
import { defineCommand } from "./command.ts";

const fsModule = lazy<typeof import("node:fs")>(() => require("node:fs"));
const relayModule = lazy<typeof import("../net/start.ts")>(() => require("../net/start.ts"));

export default defineCommand({
  meta: { name: "sandbox-hook", hidden: true, description: "hooks of containers without a bundle" },
  args: {
    operation: {
      type: "positional",
      description: "connect, disconnect, unmount, start, finish or serve; relay for the relay itself",
    },
    program: {
      type: "positional",
      description: "pasta, slirp4netns, fuse-overlayfs, seccomp-record or relay",
    },
    directory: { type: "positional", description: "where its files are" },
    "container-id": { type: "positional", description: "name of the container" },
    ports: {
      type: "positional",
      required: false,
      rest: true,
      description: "[[ADDRESS:]HOST:]CONTAINER[/udp], a descriptor, or in JSON what a relay allows",
    },
  },
  details: `"brun run --host" and "--rootfs" write them into a config: what connects a network or mounts a root is started and ended by
them. They get the container's state on stdin.`,
  run({ args }) {
    const { operation, program, directory, "container-id": id } = args;
    if (operation === "unmount" && program === "fuse-overlayfs") {
      unmountFuse({ directory, id });
      return 0;
    }
    if (operation === "remove" && program === "temporary") {
      removeTemporary(directory);
      return 0;
    }
    if (program === "seccomp-record" || program === "audit") {
      agent(operation, program, { directory, id }, args.ports);
      return 0;
    }
    if (program === "relay") {
      const [options = ""] = args.ports;
      const { endRelay, isRelay, startRelay } = relayModule();
      if (operation === "connect") return startRelay({ directory, id }, options);
      if (operation === "relay") isRelay({ directory, id }, options, containerPid());
      else endRelay({ directory, id });
      return 0;
    }
    if (program !== "pasta" && program !== "slirp4netns") {
      throw new BrunError(`there is no hook for "${program}"`, { code: "ERR_USAGE" });
    }
    const connection: Connection = { mode: program, directory, id };
    if (operation === "disconnect") disconnect(connection);
    else if (operation === "connect") connect(connection, containerPid(), args.ports.map(parsePort));
    else throw new BrunError(`there is no operation "${operation}"`, { code: "ERR_USAGE" });
    return 0;
  },
});

/** What hears of system calls: src/seccomp/agent.ts. */
function agent(
  operation: string,
  purpose: AgentPurpose,
  place: AgentPlace,
  [request = "", socket]: readonly string[],
): void {
  const audits = purpose === "audit";
  if (operation === "start") {
    const told = audits ? JSON.stringify({ begin: beginning() }) : request;
    startAgent(purpose, place, told, ownCommand());
  } else if (operation === "serve") {
    serveAgent(place, Number(socket), audits ? auditor(request) : recorder(request));
  } else if (operation === "finish") {
    const said = askAgent(place);
    if (!audits) checkRecorded(said);
    else finishAudit(place.id, JSON.parse(request), said, ownCommand());
  } else throw new BrunError(`there is no operation "${operation}"`, { code: "ERR_USAGE" });
}

/** From the state on stdin (runtime-spec, config.md#posix-platform-hooks). */
function containerPid(): number {
  const state: unknown = JSON.parse(fromUtf8(readFd(0, "stdin")));
  const pid = (state as { pid?: unknown } | null)?.pid;
  if (typeof pid === "number") return pid;
  throw new BrunError("the state on stdin has no pid", { hint: "this is a createRuntime hook" });
}

/** What --landlock made; no link in it is followed. */
function removeTemporary(directory: string): void {
  if (!/\/brun-landlock-[\da-f-]{36}$/.test(directory)) return;
  fsModule().rmSync(directory, { recursive: true, force: true });
}
