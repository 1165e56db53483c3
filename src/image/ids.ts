/** The ids with which an image is unpacked: the ids of a container of that image. */

import { mapText } from "../../rootless/idmap.ts";
import { unsharedConfig } from "../container/lifecycle/unshare.ts";
import { callerIdentity, isRootless } from "../container/state/root.ts";
import { BrunError } from "../errors.ts";
import { USERNS_MODES, type UsernsMode } from "../modes.ts";
import { utf8 } from "../sys/utf8.ts";
import { digestOf, hexOf } from "./digest.ts";

/** The ids with which files are unpacked. */
export interface UnpackIds {
  /** Their directory in the store. Files for one id map cannot be used with another. */
  readonly name: string;
  /** Null if there is no user namespace: the caller is root of the machine. */
  readonly userns: UsernsMode | null;
}

/**
 * Finds the first ids with `fits` among the ids that containers can have here.
 * @param rootless as for {@link unpackIds}
 */
export function findIds(
  fits: (ids: UnpackIds) => boolean,
  rootless: boolean | "auto" = "auto",
): UnpackIds | undefined {
  for (const mode of USERNS_MODES) {
    try {
      const ids = unpackIds(mode, rootless);
      if (fits(ids)) return ids;
    } catch (error) {
      // The host does not support these ids.
      if (!(error instanceof BrunError)) throw error;
    }
  }
  return undefined;
}

/**
 * The ids of a container that has its own root file system, by --userns.
 * @param rootless whether containers get a user namespace: --rootless
 * @throws BrunError if the host does not support them
 */
export function unpackIds(userns: UsernsMode, rootless: boolean | "auto" = "auto"): UnpackIds {
  const caller = callerIdentity();
  if (!(rootless === "auto" ? isRootless(caller) : rootless)) return { name: "root", userns: null };
  const { maps } = unsharedConfig({ args: ["true"], environment: [], namespaces: [], userns });
  const { uid, gid } = maps!;
  const single = uid.length === 1 && uid[0]!.size === 1 && gid.length === 1 && gid[0]!.size === 1;
  if (single) return { name: "single", userns };
  return { name: `ids-${hexOf(digestOf(utf8(`${mapText(uid)}\n${mapText(gid)}`))).slice(0, 16)}`, userns };
}
