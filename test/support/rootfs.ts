/** Makes a root filesystem with a static busybox, for containers that need a shell and the usual commands. */
import {
  copyFileSync,
  lchownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { host, isRoot } from "./caller.ts";
import { workspace } from "./workspace.ts";

const DIRECTORIES = ["bin", "dev", "etc", "home", "proc", "root", "run", "sys", "tmp", "usr", "var"];

const FILES = {
  "etc/passwd":
    "root:x:0:0:root:/root:/bin/sh\n" +
    "daemon:x:1:1:daemon:/usr/sbin:/bin/false\n" +
    "alice:x:1000:1000:Alice:/home/alice:/bin/sh\n",
  "etc/group": "root:x:0:\ndaemon:x:1:\ntty:x:5:\nalice:x:1000:\nstaff:x:50:alice\n",
  "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
};

/** The names of busybox's commands, and a directory with a symbolic link for each. */
let made: { readonly names: readonly string[]; readonly dir: string } | undefined;

function applets(busybox: string): NonNullable<typeof made> {
  if (made === undefined) {
    const names = host(busybox, "--list")
      .split("\n")
      .filter((name) => name !== "" && name !== "busybox");
    const dir = `${workspace()}/applets`;
    mkdirSync(dir);
    for (const name of names) symlinkSync("busybox", `${dir}/${name}`);
    made = { names, dir };
  }
  return made;
}

/** The path of the host's static busybox. Throws an Error if it is not installed. */
function busyboxPath(): string {
  const path = Bun.which("busybox");
  if (path === null) throw new Error("busybox is not installed: apt-get install busybox-static");
  return path;
}

/** The owner of files. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Fills `dir` with a root filesystem and returns `dir`. As root, gives the files to `owner`. */
export function makeRootfs(dir: string, owner: Owner): string {
  const busybox = busyboxPath();
  mkdirSync(dir, { recursive: true });
  for (const name of DIRECTORIES) mkdirSync(`${dir}/${name}`);
  for (const [name, text] of Object.entries(FILES)) writeFileSync(`${dir}/${name}`, text);
  copyFileSync(busybox, `${dir}/bin/busybox`);
  linkApplets(applets(busybox), `${dir}/bin`);
  if (isRoot && owner.uid !== 0) chownAll(dir, owner);
  return dir;
}

/**
 * Gives a directory the commands. The links are hard links of those made once: 400 new inodes a root filesystem cost
 * ext4 a quarter of a second, since it searches around the inodes of the last five seconds that were deleted.
 */
function linkApplets({ names, dir }: NonNullable<typeof made>, bin: string): void {
  for (const name of names) {
    try {
      linkSync(`${dir}/${name}`, `${bin}/${name}`);
    } catch {
      // Another file system, or one without hard links.
      symlinkSync("busybox", `${bin}/${name}`);
    }
  }
}

function chownAll(dir: string, owner: Owner): void {
  lchownSync(dir, owner.uid, owner.gid);
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = `${dir}/${entry.name}`;
    if (entry.isDirectory()) chownAll(path, owner);
    else if (!entry.isSymbolicLink()) lchownSync(path, owner.uid, owner.gid);
  }
}
