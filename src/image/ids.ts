/** In which ids the files of an image are unpacked: those that a container with it gets. */

import { mapText } from "../../rootless/idmap.ts";
import { unsharedConfig } from "../container/lifecycle/unshare.ts";
import { callerIdentity, isRootless } from "../container/state/root.ts";
import { BrunError } from "../errors.ts";
import { USERNS_MODES, type UsernsMode } from "../modes.ts";
import { utf8 } from "../sys/utf8.ts";
import { digestOf, hexOf } from "./digest.ts";

/** In which ids files are unpacked. */
export interface UnpackIds {
  /** Names them in the store: files of one map are of no use in another. */
  readonly name: string;
  /** Null where there is no user namespace: root of the machine. */
  readonly userns: UsernsMode | null;
}

/**
 * The first of the ids that containers can have here which fits.
 * @param rootless as of {@link unpackIds}
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
      // These ids cannot be had here.
      if (!(error instanceof BrunError)) throw error;
    }
  }
  return undefined;
}

/**
 * The ids of a container with a root file system of its own, as --userns says.
 * @param rootless whether containers get a user namespace: --rootless
 * @throws BrunError they cannot be had
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
