/**
 * What runs have kept by a name (`run --keep NAME`): a directory each, `upper` and `work` of the overlays as --upper has
 * them, and `keep.json`, which says what lies below them.
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
  /** The root file system below: "/", or that of --rootfs or --image, without symbolic links. */
  readonly root: string;
  /** How a person named it: --host, --rootfs DIR, --image NAME. */
  readonly flag: string;
  /** When something was kept by this name for the first time, and the last: RFC 3339. */
  readonly created: string;
  readonly used: string;
  /**
   * Mount points of the overlays, absolute. The directories that stand for them, and those above, were made by brun:
   * their owner, mode and time say nothing of the program.
   */
  readonly places: readonly string[];
  /** The other mount points. Those that were not there, and the directories that lead to them, were made by brun as well. */
  readonly covers: readonly string[];
}

/** What is kept by one name. */
export interface Kept {
  readonly name: string;
  readonly directory: string;
  readonly record: KeepRecord;
}

/** The directory of all of them: `kept` beside the images. Throws a BrunError without a home. */
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

/** The directory for a name, which need not be there. Throws a BrunError (ERR_USAGE) for what is no name. */
export function keptPlace(name: string): string {
  if (NAME.test(name) && name.length <= NAME_MAX) return `${keptDirectory()}/${name}`;
  throw new BrunError(`${quoted(name)} is no name for what is kept`, {
    code: "ERR_USAGE",
    where: "--keep",
    hint: "letters, digits, and . _ + - after the first",
  });
}

/** What is kept by a name. Throws a BrunError when there is nothing, or when it is somebody else's. */
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

/** All names by which something is kept, in order. */
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

/** Notes that a run keeps what it changes. Throws a BrunError when the name stands for changes of another root. */
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
