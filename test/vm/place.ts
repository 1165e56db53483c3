/**
 * The places inside the test machine that suites.sh starts tests at: who the caller is and which way to a cgroup
 * the runtimes are told to take.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { testRoot, testUser } from "../support/caller.ts";
import type { RuntimeName } from "../support/runtime.ts";
import { type CallOptions, type Running, Sandbox } from "../support/sandbox.ts";
import { brunPath } from "../support/workspace.ts";

export const MOUNT = "/sys/fs/cgroup";

export interface Place {
  readonly name: string;
  readonly user: boolean;
  readonly systemd: boolean;
}

/** The place that this process was started at, or undefined outside of the machine. */
export function place(): Place | undefined {
  const name = process.env.BRUN_TEST_PLACE;
  const match = /^(user|root)-(systemd|delegated|cgroupfs)$/.exec(name ?? "");
  if (match === null) return undefined;
  return { name: name!, user: match[1] === "user", systemd: match[2] === "systemd" };
}

/** A sandbox whose runtime makes cgroups in the way of a place. */
export class PlacedSandbox extends Sandbox {
  constructor(
    readonly at: Place,
    private readonly runtime: RuntimeName = "brun",
  ) {
    const caller = at.user ? testUser() : testRoot()!;
    super({ runtime, caller, label: `${runtime} at ${at.name}`, unavailable: undefined });
  }

  override argv(args: readonly string[], options: CallOptions = {}): string[] {
    const command = this.runtime === "brun" ? brunPath() : this.runtime;
    const globals = [...(options.globals ?? [])];
    if (this.at.systemd) globals.push("--systemd-cgroup");
    else if (this.runtime === "brun") globals.push("--cgroup-manager=cgroupfs");
    return [...(options.under ?? []), command, "--root", this.state, ...globals, ...args];
  }

  override spawn(args: readonly string[], options: CallOptions = {}): Running {
    if (!this.at.user || !this.at.systemd) return super.spawn(args, options);
    const { XDG_RUNTIME_DIR = "", DBUS_SESSION_BUS_ADDRESS = "" } = process.env;
    return super.spawn(args, {
      ...options,
      env: { XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS, ...options.env },
    });
  }

  /** The directory of a container's cgroup. */
  async cgroupOf(id: string): Promise<string> {
    const { pid } = await this.inspect(id);
    const path = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().replace(/^0::/, "");
    return `${MOUNT}${path}`;
  }
}

/** A file of a cgroup, "" when it is not there or may not be read. */
export function fileText(directory: string, file: string): string {
  try {
    return readFileSync(`${directory}/${file}`, "utf8").trim();
  } catch {
    return "";
  }
}

/** Files that tell what happens and not what was set. */
const MEASURED =
  /^(cgroup\.(procs|threads|stat|events)|cpu\.stat(\.local)?|io\.stat|pids\.(current|peak|events)|memory\.(current|peak|stat|numa_stat|events(\.local)?|swap\.(current|events|peak)|zswap\.current)|.*\.pressure|(hugetlb|misc|rdma)\..*(current|events(\.local)?|numa_stat))$/;

/** Everything that is set in a cgroup, by file. */
export function settings(directory: string): Readonly<Record<string, string>> {
  const names = readdirSync(directory).filter((name) => name.includes(".") && !MEASURED.test(name));
  return Object.fromEntries(names.map((name) => [name, fileText(directory, name)]));
}

/** One number of a file of "name number" lines; 0 when it is not there. */
export function counter(directory: string, file: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(fileText(directory, file))?.[1] ?? 0);
}

/** Major and minor number of a disk of the machine: vda is its own, vdb has the shared folders. */
export function diskNumber(name: "vda" | "vdb"): number[] {
  return readFileSync(`/sys/class/block/${name}/dev`, "utf8").trim().split(":").map(Number);
}

/** Every cgroup of the machine. */
export function allCgroups(directory = MOUNT): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => [`${directory}/${name}`, ...allCgroups(`${directory}/${name}`)]);
}
