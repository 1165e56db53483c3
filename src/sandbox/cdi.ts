/**
 * --device VENDOR/CLASS=NAME: a device that a vendor describes, as in podman and docker (Container Device
 * Interface).
 */
import { BrunError } from "../errors.ts";
import type { Hooks, Linux, Mount } from "../spec/index.ts";
import { lazy } from "../sys/lazy.ts";
import type { CdiEdits, CdiFile, CdiNode } from "./cdi-file.ts";
import type { Placed } from "./mounts.ts";
import type { SandboxOptions } from "./options.ts";
import type { HostView } from "./view.ts";

const fileModule = lazy<typeof import("./cdi-file.ts")>(() => require("./cdi-file.ts"));

/** The directories of CDI files. The second has precedence. */
const CDI_DIRECTORIES: readonly string[] = ["/etc/cdi", "/var/run/cdi"];

/** The questions to the machine. */
export type CdiView = Pick<HostView, "list" | "text">;

/** Edits, with the flag that asks for them. */
interface Asked {
  readonly flag: string;
  readonly edits: CdiEdits;
}

/** The kind and the name in a value of --device that is a CDI name; null for a path. */
export function cdiName(text: string): { readonly kind: string; readonly name: string } | null {
  const [, kind, name] = /^([A-Za-z][\w.-]*\/[A-Za-z][\w.-]*)=(.+)$/.exec(text) ?? [];
  return kind === undefined || name === undefined ? null : { kind, name };
}

/** The files that can be read, and the reasons why others cannot. */
export function cdiFiles(view: CdiView): {
  readonly files: readonly CdiFile[];
  readonly errors: readonly string[];
} {
  const files: CdiFile[] = [];
  const errors: string[] = [];
  for (const directory of [...CDI_DIRECTORIES].reverse()) {
    for (const name of [...(view.list(directory) ?? [])].sort()) {
      if (!/\.(json|ya?ml)$/.test(name)) continue;
      const path = `${directory}/${name}`;
      const text = view.text(path);
      try {
        if (text === null) errors.push(`${path}: it cannot be read`);
        else files.push(fileModule().parseCdi(text, path));
      } catch (error) {
        errors.push((error as Error).message);
      }
    }
  }
  return { files, errors };
}

/** The files for each view: several parts of a config ask for edits of the same files. */
const filesOf = new WeakMap<HostView, ReturnType<typeof cdiFiles>>();

/** The edits for the CDI devices of --device. Throws a BrunError for a device without a description. */
function asked({ device }: SandboxOptions, view: HostView): Asked[] {
  const names = device.filter((text) => cdiName(text) !== null);
  if (names.length === 0) return [];
  const { files, errors } = filesOf.get(view) ?? cdiFiles(view);
  filesOf.set(view, { files, errors });
  const used = new Set<CdiFile>();
  return names.flatMap((text) => {
    const { kind, name } = cdiName(text)!;
    const flag = `--device ${text}`;
    for (const file of files) {
      const found = file.kind === kind ? file.devices.find((one) => one.name === name) : undefined;
      if (found === undefined) continue;
      // The edits for all devices of a file are applied once.
      const common = used.has(file) || file.containerEdits === undefined ? [] : [file.containerEdits];
      used.add(file);
      return [...common, found.containerEdits].map((edits) => ({ flag, edits: possible(edits, flag, view) }));
    }
    throw new BrunError(`no device ${text} is described in ${CDI_DIRECTORIES.join(" and ")}`, {
      where: flag,
      hint: errors[0] ?? known(files),
    });
  });
}

function known(files: readonly CdiFile[]): string {
  const names = files.flatMap(({ kind, devices }) => devices.map(({ name }) => `${kind}=${name}`));
  return names.length === 0
    ? "the vendor's tool makes these files, such as nvidia-ctk cdi generate"
    : `there are ${names.slice(0, SHOWN).join(", ")}${names.length > SHOWN ? " and more" : ""}`;
}

const SHOWN = 10;

/** Throws a BrunError for edits that need rights over the machine. */
function possible(edits: CdiEdits, flag: string, { nested }: HostView): CdiEdits {
  const [what, why] =
    edits.netDevices !== undefined && edits.netDevices.length > 0
      ? ["moves a network device of the host", "root alone can move one"]
      : edits.intelRdt !== undefined
        ? ["asks for a class of intelRdt", "root alone has /sys/fs/resctrl"]
        : [];
  if (!nested || what === undefined) return edits;
  throw new BrunError(`the device ${what}, and ${why}`, { where: flag, hint: "start brun as root" });
}

/** The device nodes. */
export function cdiNodes(options: SandboxOptions, view: HostView): (CdiNode & { readonly flag: string })[] {
  return asked(options, view).flatMap(({ flag, edits }) =>
    (edits.deviceNodes ?? []).map((node) => ({ ...node, flag })),
  );
}

/** The mounts other than nodes. Throws a BrunError for a missing source. */
export function cdiMounts(options: SandboxOptions, view: HostView): Placed[] {
  return asked(options, view).flatMap(({ flag, edits }) =>
    (edits.mounts ?? []).map(({ hostPath, containerPath, type, options: given = [] }): Placed => {
      const binds = type === undefined || type === "" || type === "bind";
      if (binds && view.follow(hostPath) === null) {
        throw new BrunError(`${hostPath}, which the device needs, is not there`, { where: flag });
      }
      const bind = given.some((option) => option === "bind" || option === "rbind") ? [] : ["rbind"];
      const mount: Mount = {
        destination: containerPath,
        type: binds ? "bind" : type,
        source: hostPath,
        options: binds ? [...bind, ...given] : given,
      };
      return { origin: "device", flag, mount };
    }),
  );
}

/** The environment variables, as NAME=value. */
export function cdiEnvironment(options: SandboxOptions, view: HostView): string[] {
  return asked(options, view).flatMap(({ edits }) => edits.env ?? []);
}

/** The hooks, after the existing ones. */
export function withCdiHooks(
  hooks: Hooks | undefined,
  options: SandboxOptions,
  view: HostView,
): Hooks | undefined {
  const all: Record<string, Hooks["prestart"]> = { ...hooks };
  for (const { edits } of asked(options, view)) {
    for (const { hookName, path, args, env, timeout } of edits.hooks ?? []) {
      const hook = { path, ...(args && { args }), ...(env && { env }), ...(timeout && { timeout }) };
      all[hookName] = [...(all[hookName] ?? []), hook];
    }
  }
  return Object.keys(all).length === 0 ? undefined : all;
}

/** The fields of `linux` that only root can have. */
export function cdiLinux(options: SandboxOptions, view: HostView): Pick<Linux, "netDevices" | "intelRdt"> {
  const all = asked(options, view).map(({ edits }) => edits);
  const devices = all.flatMap(({ netDevices }) => netDevices ?? []);
  const rdt = all.find(({ intelRdt }) => intelRdt !== undefined)?.intelRdt;
  return {
    ...(devices.length > 0 && {
      netDevices: Object.fromEntries(
        devices.map(({ hostInterfaceName, name }) => [hostInterfaceName, { name }]),
      ),
    }),
    ...(rdt && { intelRdt: rdt as Linux["intelRdt"] }),
  };
}

/** The groups with access to the devices, for root's program. */
export function cdiGroups(options: SandboxOptions, view: HostView): number[] {
  if (view.nested) return [];
  return asked(options, view).flatMap(({ edits }) => edits.additionalGids ?? []);
}

/** Edits that are left out, one line each. */
export function cdiNotices(options: SandboxOptions, view: HostView): string[] {
  if (!view.nested) return [];
  return asked(options, view).flatMap(({ flag, edits }) => {
    const groups = edits.additionalGids ?? [];
    if (groups.length === 0) return [];
    return [
      `${flag}: the group ${groups.join(", ")} is not given, since root alone can: --host keeps your own groups`,
    ];
  });
}
