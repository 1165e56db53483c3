/** What to type instead of podman's and docker's --gpus on this machine. */
import { type CdiView, cdiFiles } from "../sandbox/cdi.ts";
import { readdir, readTextIfThere } from "../sys/fs.ts";

const machine: CdiView = {
  list: (path) => orNull(() => readdir(path)),
  text: (path) => orNull(() => readTextIfThere(path)),
};

function orNull<T>(look: () => T): T | null {
  try {
    return look();
  } catch {
    return null;
  }
}

/** The nodes of graphics cards, by their directories. */
const NODES: readonly (readonly [directory: string, name: RegExp])[] = [
  ["/dev", /^(nvidia\d+|nvidiactl|nvidia-uvm|nvidia-modeset|kfd)$/],
  ["/dev/dri", /^renderD\d+$/],
];

/** The flags, by CDI if a vendor describes cards, otherwise by their nodes. */
export function gpuHint(view: CdiView = machine): string {
  const names = cdiFiles(view)
    .files.filter(({ kind }) => kind.endsWith("/gpu"))
    .flatMap(({ kind, devices }) => {
      const all = devices.filter(({ name }) => name === "all");
      return (all.length > 0 ? all : devices).map(({ name }) => `--device ${kind}=${name}`);
    });
  if (names.length > 0) return `type ${[...new Set(names)].join(" ")}`;
  const nodes = NODES.flatMap(([directory, pattern]) =>
    [...(view.list(directory) ?? [])]
      .sort()
      .filter((name) => pattern.test(name))
      .map((name) => `${directory}/${name}`),
  );
  if (nodes.length > 0) return `type ${nodes.map((path) => `--device ${path}`).join(" ")}`;
  return "no graphics card is to be seen in /dev, and none is described in /etc/cdi and /var/run/cdi";
}
