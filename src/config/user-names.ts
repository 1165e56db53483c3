/** `--user` by name: passwd(5) and group(5) of a container's root, whose contents are not trusted. */
import { BrunError } from "../errors.ts";
import type { User } from "../spec/index.ts";

/** The texts of the two files; null for a file that is missing or cannot be read. */
export interface UserFiles {
  readonly passwd: string | null;
  readonly group: string | null;
  /** The text before "/etc/passwd" in messages: the directory of the root, or "the container's ". */
  readonly where: string;
}

/** A user, with name and home if /etc/passwd lists it. */
export interface NamedUser {
  readonly user: User;
  readonly name: string | null;
  readonly home: string | null;
}

const NO_FILE =
  "there is no such file, or it is no regular one of at most 16 MiB; a uid and a gid need no file";

/**
 * Parses NAME|UID[:GROUP|GID]. Without a group, the user has the one of /etc/passwd, otherwise 0.
 * @param withGroups whether the user also gets the groups that /etc/group lists it in
 * @throws BrunError a name that is not in the files
 */
export function namedUser(given: string, files: UserFiles, withGroups: boolean): NamedUser {
  const [who = "", wanted] = given.split(":");
  const entry = fieldsOf(files.passwd ?? "", who);
  const uid = isId(who) ? Number(who) : entry && idOf(entry[2]);
  if (uid === undefined) {
    throw new BrunError(`no user "${who}" in ${files.where}/etc/passwd`, {
      where: "--user",
      hint: files.passwd === null ? NO_FILE : "a name from there, or a uid",
    });
  }
  const gid = wanted === undefined ? (idOf(entry?.[3]) ?? 0) : groupId(wanted, files, "--user");
  // A user who is given with a group gets that group alone (image-spec, config.md, "User").
  const all = withGroups && wanted === undefined && entry !== undefined;
  const additionalGids = all ? groupsOf(entry[0]!, gid, files.group ?? "") : [];
  return {
    user: { uid, gid, ...(additionalGids.length > 0 && { additionalGids }) },
    name: entry?.[0] ?? null,
    home: entry?.[5] || null,
  };
}

function isId(text: string): boolean {
  return /^\d{1,10}$/.test(text) && Number(text) < 0xffffffff;
}

function idOf(text: string | undefined): number | undefined {
  return text !== undefined && isId(text) ? Number(text) : undefined;
}

/** The fields of the line that has this name, or otherwise this id. */
function fieldsOf(text: string, key: string): string[] | undefined {
  const lines = text.split("\n").map((line) => line.split(":"));
  return lines.find(([name]) => name === key && key !== "") ?? lines.find((fields) => fields[2] === key);
}

/** A group by name or gid. Throws a BrunError that names the flag. */
export function groupId(group: string, { group: text, where }: UserFiles, flag: string): number {
  const gid = isId(group) ? Number(group) : idOf(fieldsOf(text ?? "", group)?.[2]);
  if (gid === undefined) {
    throw new BrunError(`no group "${group}" in ${where}/etc/group`, {
      where: flag,
      hint: text === null ? NO_FILE : "a name from there, or a gid",
    });
  }
  return gid;
}

/** The user's own group, followed by those that list it as a member; empty if no group does. */
function groupsOf(name: string, gid: number, group: string): number[] {
  const lines = group.split("\n").map((line) => line.split(":"));
  const gids = lines
    .filter((fields) => fields[3]?.split(",").includes(name))
    .map((fields) => idOf(fields[2]))
    .filter((id) => id !== undefined);
  return gids.length === 0 ? [] : [...new Set([gid, ...gids])];
}
