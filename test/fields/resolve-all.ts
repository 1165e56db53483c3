/** Opens paths below a directory by each rule of openat2(2), and prints where each has come to. */
import { RESOLVE } from "../../src/sys/constants.ts";
import { errnoName } from "../../src/sys/errno.ts";
import { AT_FDCWD, close, O, open, readlink } from "../../src/sys/fs.ts";
import { openat2 } from "../../src/sys/openat2.ts";

const dir = process.argv[2]!;
const NAMES = [
  ...[
    "a/b/file",
    "./a//b/./file",
    "a/b/c/../file",
    "a/b/file/",
    "a/b/",
    "a/b/file/x",
    "no",
    "no/x",
    ".",
    "..",
    "/",
  ],
  ...[
    "../../../a/b/file",
    "/a/b/file",
    "absolute",
    "absolute/",
    "absolute/file",
    "relative/file",
    "out",
    "up",
    "up/a",
  ],
  ...[
    "loop",
    "loop/x",
    "a/deep",
    "a/deep/",
    "gone",
    "gone/x",
    "slash",
    "slash/file",
    "a/b/root",
    "a/b/root/a/b/file",
  ],
  ...["through", "a/b/c/../../../..", "a/b/root/../../a", "", "x".repeat(300)],
];
const RULES = [
  ...[0, RESOLVE.IN_ROOT, RESOLVE.BENEATH, RESOLVE.NO_SYMLINKS, RESOLVE.NO_XDEV, RESOLVE.NO_MAGICLINKS],
  ...[RESOLVE.IN_ROOT | RESOLVE.NO_SYMLINKS, RESOLVE.IN_ROOT | RESOLVE.NO_XDEV],
];
const FLAGS = [O.PATH, O.PATH | O.NOFOLLOW, O.PATH | O.DIRECTORY, O.RDONLY, O.RDONLY | O.NOFOLLOW];
const OF_PROC = ["self/status", "self/exe", "self/root", "self/cwd/a", "mounts", "self/fd/0", "self/ns/mnt"];

function tell(directory: number, name: string, flags: number, rules: number): void {
  const fd = openat2(directory, name, flags, rules);
  const where =
    fd < 0 ? errnoName(-fd) : readlink(`/proc/self/fd/${fd}`).replace(/\/proc\/\d+/, "/proc/self");
  if (fd >= 0) close(fd);
  console.log(`${name.slice(0, 40)} ${flags.toString(8)} ${rules}: ${where}`);
}

const below = open(dir, O.PATH | O.DIRECTORY);
for (const name of NAMES)
  for (const rules of RULES) for (const flags of FLAGS) tell(below, name, flags, rules);
const proc = open("/proc", O.PATH | O.DIRECTORY);
for (const name of OF_PROC) {
  for (const rules of [RESOLVE.IN_ROOT, RESOLVE.NO_MAGICLINKS, RESOLVE.IN_ROOT | RESOLVE.NO_XDEV])
    for (const flags of [O.PATH, O.PATH | O.NOFOLLOW]) tell(proc, name, flags, rules);
}
for (const name of [`${dir}/a/b/file`, `${dir}/absolute`, "/proc/self/status"])
  for (const rules of [0, RESOLVE.NO_SYMLINKS, RESOLVE.NO_XDEV]) tell(AT_FDCWD, name, O.PATH, rules);
