/** crun's form of the option idmap: `idmap=uids=FS-HOST-SIZE[#…];gids=…` gives a mount its own mappings. */
import { type IdMap, type IdMaps, toHost } from "../../rootless/idmap.ts";
import { BrunError } from "../errors.ts";
import { quoted } from "../printable.ts";
import type { IDMapping, Mount } from "../spec/index.ts";
import { found, mapped } from "../sys/lists.ts";

/**
 * Puts the mappings of the option into uidMappings and gidMappings. Mappings that the mount has already come
 * first, as for crun. A host id after "@" is an id of the container's user namespace.
 * @param maps of a new user namespace; null without one
 * @throws BrunError for a text that is no mapping
 */
export function withIdmapOption(mount: Mount, index: number, maps: IdMaps | null): Mount {
  const options = mount.options ?? [];
  const option = found(options, isIdmapOption);
  if (option === undefined) return mount;
  const equals = option.indexOf("=");
  const plain = mapped(options, (o) => (o === option ? option.slice(0, equals) : o));
  if (mount.uidMappings?.length) return { ...mount, options: plain };
  const where = `mounts[${index}].options`;
  const ids: { uids?: IDMapping[]; gids?: IDMapping[] } = {};
  for (const part of option.slice(equals + 1).split(";")) {
    const kind = part.slice(0, 5);
    if (kind !== "uids=" && kind !== "gids=") throw noMapping(option, where);
    const map = kind === "uids=" ? maps?.uid : maps?.gid;
    ids[kind === "uids=" ? "uids" : "gids"] = mapped(part.slice(5).split("#"), (text) => {
      const mapping = parseMapping(text, map);
      if (mapping === null) throw noMapping(option, where);
      return mapping;
    });
  }
  if (ids.uids === undefined || ids.gids === undefined) throw noMapping(option, where);
  return { ...mount, options: plain, uidMappings: ids.uids, gidMappings: ids.gids };
}

function isIdmapOption(option: string): boolean {
  return option.startsWith("idmap=") || option.startsWith("ridmap=");
}

function parseMapping(text: string, map: readonly IdMap[] | undefined): IDMapping | null {
  const match = /^(@?)(\d{1,10})-(\d{1,10})-(\d{1,10})$/.exec(text);
  if (match === null) return null;
  const [, relative, inside, outside, size] = match;
  const hostID = relative === "" ? Number(outside) : toHost(map ?? [], Number(outside));
  return hostID === null ? null : { containerID: Number(inside), hostID, size: Number(size) };
}

function noMapping(option: string, where: string): BrunError {
  return new BrunError(`${where}: expected mappings but found ${quoted(option)}`, {
    where,
    hint: "idmap=uids=FS-HOST-SIZE#…;gids=FS-HOST-SIZE#…, where @ before FS takes HOST from the container's mappings",
  });
}
