/** Namespaces that a container has joined. CRIU does not save them, and puts the restored processes into them. */
import { namespaceFiles, namespaceFlags } from "../config/namespaces.ts";
import type { ContainerConfig } from "../config/types.ts";
import { BrunError } from "../errors.ts";
import type { Spec } from "../spec/index.ts";
import { errnoText } from "../sys/errno.ts";
import { O, stat, tryOpen } from "../sys/fs.ts";
import type { CriuOptions } from "./rpc.ts";

/** Names of these namespaces in images, as in runc and crun. */
const KEYS: Readonly<Record<string, string>> = { network: "extRootNetNS", pid: "extRootPidNS" };

/** Names of the network and pid namespaces that a config joins, for a dump: TYPE[INODE]:KEY. */
export function externalNamespaces({ linux }: Spec, pid: number): string[] {
  return (linux?.namespaces ?? []).flatMap(({ type, path }) => {
    const key = KEYS[type];
    if (!path || key === undefined) return [];
    const file = namespaceFiles[type]!;
    return [`${file}[${stat(`/proc/${pid}/ns/${file}`).ino}]:${key}`];
  });
}

/** The parts of a restore request about joined namespaces, and the descriptors that it names. */
export interface JoinedNamespaces {
  readonly opts: Pick<CriuOptions, "joinNs">;
  /** Network and pid namespaces by their names in the images. */
  readonly inherited: readonly { readonly key: string; readonly fd: number }[];
}

/** Opens the namespaces that a config joins. Throws a BrunError. */
export function joinedNamespaces({ joins }: ContainerConfig): JoinedNamespaces {
  const inherited: { key: string; fd: number }[] = [];
  const joinNs: { ns: string; nsFile: string }[] = [];
  for (const { flag, path, where } of joins) {
    const type = Object.keys(namespaceFlags).find((name) => namespaceFlags[name] === flag)!;
    const key = KEYS[type];
    if (key === undefined) {
      if (type === "cgroup") throw new BrunError("CRIU cannot join a cgroup namespace", { where });
      joinNs.push({ ns: namespaceFiles[type]!, nsFile: path });
      continue;
    }
    const fd = tryOpen(path, O.RDONLY);
    if (fd < 0) throw new BrunError(`cannot open ${path}: ${errnoText(-fd)}`, { where });
    inherited.push({ key, fd });
  }
  return { opts: joinNs.length === 0 ? {} : { joinNs }, inherited };
}
