/** Makes a root filesystem with a static busybox, for containers that need a shell and the usual commands. */
import { copyFileSync, lchownSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { host, isRoot } from "./caller.ts";

const DIRECTORIES = ["bin", "dev", "etc", "home", "proc", "root", "run", "sys", "tmp", "usr", "var"];

const FILES = {
  "etc/passwd":
    "root:x:0:0:root:/root:/bin/sh\n" +
    "daemon:x:1:1:daemon:/usr/sbin:/bin/false\n" +
    "alice:x:1000:1000:Alice:/home/alice:/bin/sh\n",
  "etc/group": "root:x:0:\ndaemon:x:1:\ntty:x:5:\nalice:x:1000:\nstaff:x:50:alice\n",
  "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
};

let applets: string[] | undefined;

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
  applets ??= host(busybox, "--list").split("\n");
  mkdirSync(dir, { recursive: true });
  for (const name of DIRECTORIES) mkdirSync(`${dir}/${name}`);
  for (const [name, text] of Object.entries(FILES)) writeFileSync(`${dir}/${name}`, text);
  copyFileSync(busybox, `${dir}/bin/busybox`);
  for (const applet of applets) {
    if (applet !== "" && applet !== "busybox") symlinkSync("busybox", `${dir}/bin/${applet}`);
  }
  if (isRoot && owner.uid !== 0) chownAll(dir, owner);
  return dir;
}

function chownAll(dir: string, owner: Owner): void {
  lchownSync(dir, owner.uid, owner.gid);
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = `${dir}/${entry.name}`;
    if (entry.isDirectory()) chownAll(path, owner);
    else lchownSync(path, owner.uid, owner.gid);
  }
}
