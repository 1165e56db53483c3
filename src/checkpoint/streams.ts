/** stdin, stdout and stderr of a container, which become those of whoever restores it. */
import { exists, readdir, readlink, readText, S, tryStat } from "../sys/fs.ts";
import { parseMountInfo } from "./external.ts";

/** Where the list of what stdin, stdout and stderr were lies, under the name and in the form of runc and crun. */
export const DESCRIPTORS_FILE = "descriptors.json";

/** How often to look, a millisecond apart, for a stream that may be elsewhere for a moment. */
const LOOKS = 100;

/**
 * What stdin, stdout and stderr of a process are, as CRIU names it: "pipe:[INODE]", and "file[MOUNT:INODE]" for a
 * file or a plain device of the host, which CRIU finds in no mount of the container. Others by their path.
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
 * A shell keeps a stream under another number while it writes to a file of the container (`echo x >file`): files of
 * the host among the descriptors beyond the three are those that are away.
 */
export function putBack(own: readonly string[], others: readonly string[]): string[] {
  const away = [...new Set(others)].filter((name) => name.startsWith("file[") && !own.includes(name));
  return own.map((name) => (isInherited(name) ? name : (away.shift() ?? name)));
}

/** "" for a descriptor that is not open, or no longer. */
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

/** Which of {@link standardStreams} a restored process gets from brun's own. */
export function inheritedStreams(streams: readonly string[]): { key: string; fd: number }[] {
  return streams.flatMap((key, fd) => (isInherited(key) ? [{ key, fd }] : []));
}
