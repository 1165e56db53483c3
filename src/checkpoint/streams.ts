/** stdin, stdout and stderr of a container. A restored container gets those of `brun restore`. */
import { exists, readdir, readlink, readText, S, tryStat } from "../sys/fs.ts";
import { parseMountInfo } from "./external.ts";

/** Name of the file with the names of the three streams. Name and format are those of runc and crun. */
export const DESCRIPTORS_FILE = "descriptors.json";

/** How often to look, a millisecond apart, for a stream that may be under another number for a moment. */
const LOOKS = 100;

/**
 * CRIU's names of stdin, stdout and stderr of a process: "pipe:[INODE]", or "file[MOUNT:INODE]" for a host's file
 * or plain device that is in no mount of the container. Other files have their path.
 */
export function standardStreams(pid: number): string[] {
  const inside = new Set(parseMountInfo(readText(`/proc/${pid}/mountinfo`)).map(({ id }) => id));
  for (let left = LOOKS; ; left -= 1) {
    const own = [0, 1, 2].map((fd) => nameOf(pid, fd, inside));
    const others = readdir(`/proc/${pid}/fd`).filter((fd) => Number(fd) > 2);
    const streams = putBack(
      own,
      others.map((fd) => nameOf(pid, Number(fd), inside)),
    );
    if (left === 1 || streams.every((name) => isInherited(name) || !name.startsWith("/"))) return streams;
    Bun.sleepSync(1);
  }
}

/**
 * Finds streams that a shell has moved: it keeps a stream under another number while it writes to a file of the
 * container (`echo x >file`). So a host's file among the other descriptors is a moved stream.
 */
export function putBack(own: readonly string[], others: readonly string[]): string[] {
  const away = [...new Set(others)].filter((name) => name.startsWith("file[") && !own.includes(name));
  return own.map((name) => (isInherited(name) ? name : (away.shift() ?? name)));
}

/** CRIU's name of a descriptor; "" if it is not open any more. */
function nameOf(pid: number, fd: number, inside: ReadonlySet<number>): string {
  const path = `/proc/${pid}/fd/${fd}`;
  try {
    const stat = tryStat(path);
    if (typeof stat === "number") return "";
    const type = stat.mode & S.IFMT;
    const isPlain = type === S.IFREG || (type === S.IFCHR && stat.rdevMajor === 1);
    const mount = /^mnt_id:\s*(\d+)$/m.exec(readText(`/proc/${pid}/fdinfo/${fd}`));
    if (!isPlain || mount === null || inside.has(Number(mount[1]))) return readlink(path);
    return `file[${Number(mount[1]).toString(16)}:${stat.ino.toString(16)}]`;
  } catch (error) {
    if (exists(path)) throw error;
    return "";
  }
}

function isInherited(name: string): boolean {
  return /^(pipe:|file\[)/.test(name);
}

/** The streams of {@link standardStreams} that a restored process gets from brun. */
export function inheritedStreams(streams: readonly string[]): { key: string; fd: number }[] {
  return streams.flatMap((key, fd) => (isInherited(key) ? [{ key, fd }] : []));
}
