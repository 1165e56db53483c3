/** The options that the flags of a container without a bundle (sandbox-flags.ts) amount to. */

import { keptPlace } from "../changes/kept.ts";
import { LOG_SIZE } from "../container/io/kept-log.ts";
import { checkId } from "../container/lifecycle/id.ts";
import { BrunError } from "../errors.ts";
import { auditOptions, checkAudit } from "../sandbox/audit/audit.ts";
import { checkFakeRoot } from "../sandbox/fake-root.ts";
import { OVERLAYS, type OverlayMode, type SandboxOptions, type SandboxRoot } from "../sandbox/options.ts";
import { bytes } from "../sandbox/resources.ts";
import { absolute } from "../sys/fs.ts";
import { procOf, usernsOf } from "./container-flags.ts";
import type { Values } from "./flags.ts";
import { netClientOf, netLogOf } from "./net-flags.ts";
import { pullPolicy } from "./pull-flags.ts";
import type { sandboxFlags } from "./sandbox-flags.ts";
import { parseSignal } from "./signals.ts";

const NAME_BYTES = 3;

/** The flags as options. Throws a BrunError for those that do not go together. */
export function sandboxOptions(
  args: Values<typeof sandboxFlags>,
  program: readonly string[],
  terminal: boolean,
): SandboxOptions {
  const root = rootOf(args);
  checkTogether(args, root);
  const overlay = overlayOf(args.overlay);
  const given = { ...args, readOnly: args["read-only"], overlay };
  const audit = auditOptions(args.audit, args["audit-to"], given);
  const keep = audit !== undefined && "name" in audit.kept ? audit.kept.name : args.keep;
  const id = args.name ?? args["container-id"] ?? madeUp(root);
  checkId(id);
  return {
    root,
    id,
    args: [...entrypoint(args.entrypoint), ...program],
    upper: keep === undefined ? args.upper : keptPlace(keep),
    keep,
    audit,
    overlay,
    writable: args.writable,
    readOnly: args["read-only"],
    rw: args.rw,
    rwAll: args["rw-all"],
    landlock: args.landlock,
    connectPort: args["connect-port"],
    volume: args.volume,
    tmpfs: args.tmpfs,
    mount: args.mount,
    device: args.device,
    ulimit: args.ulimit,
    workdir: args.workdir,
    env: args.env,
    envFile: args["env-file"],
    user: args["fake-root"] ? "0" : args.user,
    userns: args["fake-root"] ? "single" : (usernsOf(args.userns) ?? "auto"),
    fakeRoot: args["fake-root"],
    proc: procOf(args.proc) ?? "auto",
    terminal,
    memory: args.memory,
    cpus: args.cpus,
    pidsLimit: args["pids-limit"],
    memorySwap: args["memory-swap"],
    cpusetCpus: args["cpuset-cpus"],
    oomScoreAdj: args["oom-score-adj"],
    umask: args.umask,
    shmSize: args["shm-size"],
    sysctl: args.sysctl,
    annotation: args.annotation,
    groupAdd: args["group-add"],
    stopSignal: args["stop-signal"],
    capAdd: args["cap-add"],
    capDrop: args["cap-drop"],
    securityOpt: args["security-opt"],
    nesting: args["allow-nesting"],
    seccompRecord: args["seccomp-record"],
    hostname: args.hostname,
    network: args.network ?? args.net,
    publish: args.publish,
    allowNet: args["allow-net"],
    allowNetPrivate: args["allow-net-private"],
    netLog: netLogOf(args["net-log"], args["allow-net"].length > 0 && audit !== undefined ? keep : undefined),
    netSni: args["net-sni"],
    netClient: netClientOf(args["net-client"]),
    hide: args.hide,
    withSecrets: args["with-secrets"],
    init: !args["no-init"],
  };
}

/** Throws a BrunError for flags that do not go together. */
function checkTogether(args: Values<typeof sandboxFlags>, root: SandboxRoot): void {
  const positional = args["container-id"];
  if (args.name !== undefined && positional !== undefined) {
    throw new BrunError(`two names are given: ${args.name} and ${positional}`, { where: "--name" });
  }
  if (args.writable && root.kind === "rootfs" && root.image !== undefined) {
    throw new BrunError("the files of an image are shared, and not written to", {
      where: "--writable",
      hint: "--upper DIR keeps what is written; `brun image unpack NAME DIR` makes a directory of your own",
    });
  }
  const keeps = args.upper !== undefined ? "--upper" : args.keep !== undefined ? "--keep" : null;
  if (args.writable && (root.kind === "host" || keeps !== null || args["read-only"])) {
    throw new BrunError(
      "--writable goes with --rootfs alone, and neither with --upper or --keep nor with --read-only",
      {
        where: "--writable",
        hint: root.kind === "host" ? "--rw PATH leaves a path of the host writable" : undefined,
      },
    );
  }
  if (args.upper !== undefined && args.keep !== undefined) {
    throw new BrunError("--keep and --upper exclude each other", {
      code: "ERR_USAGE",
      hint: "--upper names a directory, --keep a name",
    });
  }
  if (keeps !== null && args["read-only"]) {
    throw new BrunError(`${keeps} has no use with --read-only: nothing is written`, { where: keeps });
  }
  const ofHost = args.rw.length > 0 ? "--rw" : args.hide.length > 0 ? "--hide" : "--with-secrets";
  if (root.kind === "rootfs" && (ofHost !== "--with-secrets" || args["with-secrets"])) {
    const hint = ofHost === "--hide" ? "--tmpfs PATH covers one" : "-v SOURCE:PATH mounts a path of the host";
    throw new BrunError(`${ofHost} goes with --host`, { where: ofHost, hint });
  }
  if (args["rw-all"] && args.rw.length === 0) {
    throw new BrunError("--rw-all has no use without --rw", {
      where: "--rw-all",
      hint: "--rw DIR --rw-all",
    });
  }
  if (args["connect-port"].length > 0 && !args.landlock) {
    throw new BrunError("--connect-port goes with --landlock", {
      where: "--connect-port",
      hint: "--allow-net names what a container with namespaces may connect to",
    });
  }
  for (const name of ["platform", "pull", "authfile", "tls-verify"] as const) {
    const unless = name === "pull" ? pullPolicy.default : undefined;
    if (args[name] === unless || args.image !== undefined) continue;
    throw new BrunError(`--${name} goes with --image`, { code: "ERR_USAGE", where: `--${name}` });
  }
  if (args["stop-signal"] !== undefined) parseSignal(args["stop-signal"]);
  if (args.init && args["no-init"]) {
    throw new BrunError("--init and --no-init exclude each other", { code: "ERR_USAGE" });
  }
  if (args["fake-root"]) {
    checkFakeRoot({ user: args.user, userns: usernsOf(args.userns) ?? "auto", groupAdd: args["group-add"] });
  }
  checkAudit(args.audit, { "--seccomp-record": args["seccomp-record"] !== undefined });
}

function rootOf({ host, rootfs, image }: Values<typeof sandboxFlags>): SandboxRoot {
  const roots = [
    rootfs !== undefined && "--rootfs",
    image !== undefined && "--image",
    host && "--host",
  ].filter(Boolean);
  if (roots.length > 1) {
    throw new BrunError(`${roots[0]} and ${roots[1]} exclude each other`, {
      hint: "the root is the one or the other",
    });
  }
  if (host) return { kind: "host" };
  // An image's directory is known only when it has been pulled.
  if (image !== undefined) return { kind: "rootfs", path: "/", image };
  if (!rootfs) throw new BrunError("--rootfs needs a directory", { hint: "--host takes this machine's own" });
  const path = absolute(rootfs);
  if (!path.isWellFormed()) {
    throw new BrunError(
      `${path} has bytes that are not UTF-8, which the container's state, JSON, cannot hold`,
      {
        where: "--rootfs",
        hint: "rename it, or make a symbolic link to it",
      },
    );
  }
  return { kind: "rootfs", path };
}

/** `--log-opt max-size=SIZE` in bytes. Throws a BrunError. */
export function logSize(options: readonly string[]): number {
  let size = LOG_SIZE;
  for (const option of options) {
    const text = /^max-size=(.*)$/.exec(option)?.[1];
    if (text === undefined) {
      throw new BrunError(`there is no log option "${option}"`, {
        code: "ERR_USAGE",
        where: "--log-opt",
        hint: "max-size=SIZE, such as max-size=64m",
      });
    }
    size = bytes(text, "--log-opt");
  }
  if (size >= LEAST_LOG && size <= MOST_LOG) return size;
  throw new BrunError(`a log has 64k to 4g`, { code: "ERR_USAGE", where: "--log-opt" });
}

const LEAST_LOG = 2 ** 16;
const MOST_LOG = 2 ** 32;

/** A program, or a JSON list of one with arguments. Throws a BrunError. */
export function entrypoint(text: string | undefined): readonly string[] {
  if (text === undefined || text === "") return [];
  if (!text.startsWith("[")) return [text];
  let words: unknown;
  try {
    words = JSON.parse(text);
  } catch {}
  if (Array.isArray(words) && words.length > 0 && words.every((word) => typeof word === "string"))
    return words;
  throw new BrunError(`${text} is no JSON list of words`, {
    code: "ERR_USAGE",
    where: "--entrypoint",
    hint: `such as '["sh", "-c"]'`,
  });
}

function overlayOf(text: string): OverlayMode {
  const mode = OVERLAYS.find((name) => name === text);
  if (mode !== undefined) return mode;
  throw new BrunError(`there is no overlay "${text}"`, { where: "--overlay", hint: OVERLAYS.join(", ") });
}

/** The directory's, or an image's without registry and tag. */
function nameOf({ path, image }: Extract<SandboxRoot, { kind: "rootfs" }>): string {
  const last = (image ?? path).split("/").at(-1) ?? "";
  return image === undefined ? last : last.replace(/[:@].*$/, "");
}

/** "host-4f2a1c", or the directory's name and such. */
function madeUp(root: SandboxRoot): string {
  const bytes = crypto.getRandomValues(new Uint8Array(NAME_BYTES));
  const random = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const name = root.kind === "host" ? "host" : nameOf(root);
  return `${/^[\w+.-]+$/.test(name) ? name : "rootfs"}-${random}`;
}
