/**
 * Kept changes of runs by name (`run --keep NAME`). Each name is a directory with `upper` and `work` for the
 * overlays, as for --upper, and `keep.json`, which describes the lower directories.
 */
import { BrunError } from "../errors.ts";
import { quoted } from "../printable.ts";
import { parseJson } from "../spec/json.ts";
import { variable } from "../sys/environment.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { mkdirAll, readdir, readTextIfThere, replaceFile, S, tryStat } from "../sys/fs.ts";

/** keep.json. */
export interface KeepRecord {
  readonly version: 1;
  /** The lower root file system: "/", or that of --rootfs or --image, without symbolic links. */
  readonly root: string;
  /** The root file system as the user named it: --host, --rootfs DIR, --image NAME. */
  readonly flag: string;
  /** The times of the first and the last run with this name, as RFC 3339. */
  readonly created: string;
  readonly used: string;
  /**
   * The absolute mount points of the overlays. brun has made their directories in `upper`, with their parents.
   * So the owner, mode and time of these are no changes of the program.
   */
  readonly places: readonly string[];
  /** The other mount points. brun has made the missing ones, with their parents. */
  readonly covers: readonly string[];
}

/** The kept changes of one name. */
export interface Kept {
  readonly name: string;
  readonly directory: string;
  readonly record: KeepRecord;
}

/**
 * The directory of all kept changes: `kept` beside the images. Throws a BrunError if there is no home
 * directory.
 */
function keptDirectory(): string {
  const data = variable("XDG_DATA_HOME");
  if (data?.startsWith("/")) return `${data}/brun/kept`;
  const home = variable("HOME");
  if (!home?.startsWith("/"))
    throw new BrunError("no directory to keep changes in: neither HOME nor XDG_DATA_HOME is set", {
      where: "--keep",
      hint: "--upper DIR keeps them where you like",
    });
  return `${home}/.local/share/brun/kept`;
}

const NAME = /^[\w][\w.+-]*$/;
const NAME_MAX = 128;

/** The directory for a name. It need not exist. Throws a BrunError (ERR_USAGE) for an invalid name. */
export function keptPlace(name: string): string {
  if (NAME.test(name) && name.length <= NAME_MAX) return `${keptDirectory()}/${name}`;
  throw new BrunError(`${quoted(name)} is no name for what is kept`, {
    code: "ERR_USAGE",
    where: "--keep",
    hint: "letters, digits, and . _ + - after the first",
  });
}

/**
 * The kept changes of a name. Throws a BrunError if there are none, or if the directory belongs to another
 * user.
 */
export function kept(name: string): Kept {
  const directory = keptPlace(name);
  const record = readRecord(directory);
  if (record !== null) return { name, directory, record };
  const names = keptNames();
  throw new BrunError(`nothing is kept by the name ${quoted(name)}`, {
    code: "ERR_NOT_FOUND",
    hint:
      names.length > 0
        ? `there is ${names.slice(0, 10).join(", ")}`
        : `\`brun run --host --keep ${name} -- PROGRAM\` keeps what the program changes`,
  });
}

/** The names of all kept changes, in order. */
export function keptNames(): string[] {
  const directory = keptDirectory();
  if (typeof tryStat(directory) === "number") return [];
  return readdir(directory)
    .filter((name) => NAME.test(name) && readTextIfThere(`${directory}/${name}/keep.json`) !== null)
    .sort();
}

function readRecord(directory: string): KeepRecord | null {
  const path = `${directory}/keep.json`;
  const text = readTextIfThere(path);
  if (text === null) return null;
  const stat = tryStat(directory, true);
  if (typeof stat === "number" || (stat.mode & S.IFMT) !== S.IFDIR || stat.uid !== syscall(NR.geteuid))
    throw new BrunError(`${directory} is not a directory of your own`, { where: "--keep" });
  const record = parseJson(text, path) as Partial<KeepRecord>;
  if (
    record?.version === 1 &&
    typeof record.root === "string" &&
    Array.isArray(record.places) &&
    Array.isArray(record.covers)
  )
    return record as KeepRecord;
  throw new BrunError(`${path} is not what this brun writes`, { where: "--keep" });
}

/** Records that a run keeps its changes. Throws a BrunError if the name belongs to changes of another root. */
export function noteKept(
  name: string,
  { root, flag, places, covers }: Pick<KeepRecord, "root" | "flag" | "places" | "covers">,
): void {
  const directory = keptPlace(name);
  const before = readRecord(directory);
  if (before !== null && before.root !== root)
    throw new BrunError(`${quoted(name)} keeps changes of ${before.flag}`, {
      code: "ERR_EXISTS",
      where: "--keep",
      hint: `another name, or brun discard ${name}`,
    });
  const time = new Date().toISOString();
  const both = (key: "places" | "covers", now: readonly string[]) =>
    [...new Set([...(before?.[key] ?? []), ...now])].sort();
  const record: KeepRecord = {
    version: 1,
    root,
    flag,
    created: before?.created ?? time,
    used: time,
    places: both("places", places),
    covers: both("covers", covers),
  };
  mkdirAll(directory);
  replaceFile(`${directory}/keep.json`, JSON.stringify(record, null, 2).concat("\n"));
}
