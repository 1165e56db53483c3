/** --network and --publish: the network namespace, the program that connects it, and the name servers. */
import { keepsFd } from "../config/hook-descriptors.ts";
import { BrunError } from "../errors.ts";
import { addressText } from "../net/address.ts";
import type { RelayOptions } from "../net/relay.ts";
import { parseRules, ruleTexts } from "../net/rules.ts";
import { OWN_ADDRESS } from "../net/table.ts";
import { installHint, PACKAGES } from "../package-names.ts";
import type { Hooks, Mount } from "../spec/index.ts";
import { utf8Length } from "../sys/utf8.ts";
import { shownFile } from "./mounts.ts";
import { NETWORKS, type NetworkMode, type SandboxOptions } from "./options.ts";
import { ownHook } from "./own-hook.ts";
import { parsePort, portText } from "./ports.ts";
import type { HostView } from "./view.ts";

/** The network of a sandbox. */
export interface Network {
  /** `names` stands for --allow-net. */
  readonly mode: NetworkMode | "names";
  /** The hooks that start and end the connector or relay: `brun sandbox-hook`. */
  readonly hooks: Hooks | undefined;
  /** Mounts for /etc/resolv.conf, and for /etc/hosts of an image. */
  readonly mounts: readonly Mount[];
}

/** A mode with a connector program. */
export type Connector = "pasta" | "slirp4netns";

/**
 * The address for DNS requests in each mode. pasta's is podman's choice. `asked` is --allow-net with a
 * program of the API that decides about names.
 */
export const NAME_SERVERS: Readonly<Record<Connector | "names" | "asked", string>> = {
  pasta: "169.254.1.1",
  slirp4netns: "10.0.2.3",
  names: addressText(OWN_ADDRESS),
  asked: addressText(OWN_ADDRESS),
};

/**
 * pasta and slirp4netns run as the caller. They can enter only a user namespace whose first process is the
 * caller: alone, or as root. Throws a BrunError for any other.
 * @param keepsOthers the caller has its own ids inside, with others around them
 */
export function checkConnectable({ mode }: Network, { userns }: SandboxOptions, keepsOthers: boolean): void {
  if (mode !== "pasta" && mode !== "slirp4netns") return;
  if (!keepsOthers && userns !== "keep-id") return;
  throw new BrunError(`${mode} connects a program that runs as you alone, or as root`, {
    where: `--network ${mode}`,
    hint: "--userns single, or -u root",
  });
}

/** The directory of connectors' files in the state directory. No container can have this name. */
export function networkDirectory(root: string): string {
  return `${root}/@network`;
}

/**
 * The network by --network. The default is the host's network for a sandbox of the host, and none for another
 * root. Throws a BrunError.
 */
export function networkOf(options: SandboxOptions, view: HostView): Network {
  if (options.allowNet.length > 0) return byName(options, view);
  const without = options.allowNetPrivate
    ? "--allow-net-private"
    : options.netSni
      ? "--net-sni"
      : options.netLog === undefined
        ? undefined
        : "--net-log";
  if (without !== undefined) {
    throw new BrunError(`${without} is about connections to names, and none are allowed`, {
      where: without,
      hint: "add --allow-net HOST",
    });
  }
  const mode = options.network ?? (options.root.kind === "host" ? "host" : "none");
  if (!isMode(mode)) {
    throw new BrunError(`there is no network "${mode}"`, {
      where: "--network",
      hint: `one of ${NETWORKS.join(", ")}`,
    });
  }
  const ports = options.publish.map(parsePort);
  if (mode === "pasta" || mode === "slirp4netns") {
    return connected(mode, ports.map(portText), options, view);
  }
  if (ports.length > 0) {
    throw new BrunError(`ports are published by pasta or slirp4netns, not with --network ${mode}`, {
      where: "--publish",
      hint:
        mode === "host"
          ? "leave it out, since a program's ports are open on the host, or add --network pasta"
          : "add --network pasta",
    });
  }
  const shared =
    mode === "host" && options.root.kind === "rootfs" && view.follow("/etc/resolv.conf") !== null;
  const names = shared ? [shownFile("/etc/resolv.conf")] : [];
  return { mode, hooks: undefined, mounts: [...names, ...hosts(mode, options, view)] };
}

function isMode(text: string): text is NetworkMode {
  return (NETWORKS as readonly string[]).includes(text);
}

/**
 * The mount for an image's /etc/hosts. An image has an empty one or none, since engines supply it. Without it
 * "localhost" has no address. With the host's network it is the host's file, as in podman and docker.
 */
function hosts(mode: Network["mode"], { root }: SandboxOptions, view: HostView): Mount[] {
  if (root.kind === "host" || root.image === undefined) return [];
  if (mode === "host" && view.follow("/etc/hosts") !== null) return [shownFile("/etc/hosts")];
  return [shownFile(`${networkDirectory(view.stateDirectory)}/hosts`, "/etc/hosts")];
}

function connected(
  mode: Connector,
  ports: readonly string[],
  options: SandboxOptions,
  view: HostView,
): Network {
  if (view.program(mode) === null) {
    throw new BrunError(`${mode} is not installed`, {
      code: "ENOENT",
      where: `--network ${mode}`,
      hint: `${installHint(PACKAGES[mode])}, or use --network none or host`,
    });
  }
  const directory = networkDirectory(view.stateDirectory);
  const hook = ownHook(view);
  const place = [directory, options.id];
  return {
    mode,
    hooks: {
      createRuntime: [hook(["connect", mode, ...place, ...ports])],
      poststop: [hook(["disconnect", mode, ...place])],
    },
    mounts: [
      shownFile(`${directory}/${mode}.resolv.conf`, "/etc/resolv.conf"),
      ...hosts(mode, options, view),
    ],
  };
}

/** The maximum for a list in bytes: an argument of a program can have 128 KB (execve(2)). */
const LONGEST_LIST = 120_000;

/** --allow-net: a separate network namespace, whose only way out is a relay. */
function byName(options: SandboxOptions, view: HostView): Network {
  const { network, publish, allowNetPrivate: allowPrivate, netLog: log, netSni: sni, netClient } = options;
  if (network !== undefined) {
    throw new BrunError(`--allow-net and --network ${network} exclude each other`, {
      where: "--allow-net",
      hint: "names are reached without --network; --network host is a network without limits",
    });
  }
  if (publish.length > 0) {
    throw new BrunError("--allow-net and --publish exclude each other", {
      where: "--publish",
      hint: "--network pasta publishes ports",
    });
  }
  const allow = ruleTexts(options.allowNet, view.given);
  parseRules(allow);
  const asked: RelayOptions = {
    ...{ allow, allowPrivate, sni },
    ...(log !== undefined && { log }),
    ...(netClient !== undefined && { client: netClient }),
  };
  const text = JSON.stringify(asked);
  if (utf8Length(text) > LONGEST_LIST)
    throw new BrunError(`a list of ${allow.length} names is too long`, {
      where: "--allow-net",
      hint: "use *.HOST",
    });
  const directory = networkDirectory(view.stateDirectory);
  const place = ["relay", directory, options.id];
  const hook = ownHook(view);
  const start = hook(["connect", ...place, text]);
  const env = netClient === undefined ? start.env : [...(start.env ?? []), keepsFd(netClient.fd)];
  return {
    mode: "names",
    hooks: {
      createRuntime: [{ ...start, env }],
      poststop: [hook(["disconnect", ...place])],
    },
    mounts: [
      shownFile(`${directory}/${netClient?.asks ? "asked" : "names"}.resolv.conf`, "/etc/resolv.conf"),
      shownFile(`${directory}/hosts`, "/etc/hosts"),
    ],
  };
}
