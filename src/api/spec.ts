/** What to run: a bundle, a config, or a root filesystem and a command. */
import { existsSync } from "node:fs";
import type * as v from "valibot";
import { exampleSpec } from "../spec/example.ts";
import type { Mount, Resources, Spec } from "../spec/index.ts";
import { toJson } from "../spec/json.ts";
import type { SpecSchema } from "../spec/spec.ts";
import type { StdioOptions } from "./process.ts";
import type { RuntimeOptions } from "./runtime.ts";

/** config.json as one writes it: what has a default may be left out. */
export type SpecInput = v.InferInput<typeof SpecSchema>;

/** A directory with a config.json. */
export interface FromBundle {
  readonly bundle: string;
}

/** A config that is in no file. */
export interface FromSpec {
  readonly spec: SpecInput;
  /** Where relative paths in it start; the current directory. */
  readonly bundle?: string | undefined;
}

/** A root filesystem and a command; everything else is as `brun spec` has it. */
export interface FromRootfs {
  /** Directory of the root filesystem. */
  readonly rootfs: string;
  /** Program and arguments. */
  readonly args: readonly string[];
  /** Environment; PATH is there unless it is given. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Working directory; "/". */
  readonly cwd?: string | undefined;
  /** Ids in the container; 0, its root. */
  readonly user?: { readonly uid: number; readonly gid?: number } | undefined;
  /** Further mounts, after the usual ones. */
  readonly mounts?: readonly Mount[] | undefined;
  /** "none" (the default) has a loopback device only; "host" is the caller's network. */
  readonly network?: "none" | "host" | undefined;
  /** Whether the root filesystem may be written to; false. */
  readonly writable?: boolean | undefined;
  readonly hostname?: string | undefined;
  /** Give the program a terminal, whose output comes by stdout; false. */
  readonly terminal?: boolean | undefined;
  /** Limits. */
  readonly resources?: Resources | undefined;
  /** Changes the config that the other options stand for. */
  readonly edit?: ((spec: Spec) => void) | undefined;
}

/** What {@link run} and {@link create} take. */
export type ContainerOptions = (FromBundle | FromSpec | FromRootfs) & ContainerSettings;

/** What does not depend on where the config comes from. */
export interface ContainerSettings extends RuntimeOptions, StdioOptions {
  /** Name of the container, unique under the state directory; a made-up one. */
  readonly id?: string | undefined;
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The config that a root filesystem and a command stand for. */
export function specOf(options: FromRootfs): Spec {
  const { rootfs, args, env = {}, cwd = "/", user, mounts = [], network = "none", resources } = options;
  const template = exampleSpec(false, {
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
    cgroup2: existsSync("/sys/fs/cgroup/cgroup.controllers"),
  });
  const { linux } = template;
  const spec: Spec = {
    ...template,
    process: {
      ...template.process,
      terminal: options.terminal ?? false,
      args: [...args],
      env: Object.entries({ PATH, ...env }).map(([name, value]) => `${name}=${value}`),
      cwd,
      user: { uid: user?.uid ?? 0, gid: user?.gid ?? user?.uid ?? 0 },
    },
    root: { path: rootfs, readonly: !options.writable },
    hostname: options.hostname ?? "brun",
    mounts: [...(template.mounts ?? []), ...mounts],
    linux: {
      ...linux,
      resources: { ...linux.resources, ...resources },
      namespaces: (linux.namespaces ?? []).filter(({ type }) => type !== "network" || network === "none"),
    },
  };
  options.edit?.(spec);
  return spec;
}

/** The flags of run and create, and the text of the config if it is in no file. */
export function source(options: ContainerOptions): { readonly flags: string[]; readonly config?: string } {
  if ("spec" in options) {
    return {
      flags: ["--bundle", options.bundle ?? ".", "--config", "%config"],
      config: toJson(options.spec),
    };
  }
  if ("rootfs" in options) return { flags: ["--config", "%config"], config: toJson(specOf(options)) };
  return { flags: ["--bundle", options.bundle] };
}
