/** A new terminal: a pty of the container's own devpts, whose master is sent to brun. */
import { Message } from "../plan/abi.ts";
import { ANY, type Slot } from "../plan/program.ts";
import { FS_MAGIC, IOCTL } from "../sys/constants.ts";
import { E } from "../sys/errno.ts";
import { O } from "../sys/fs.ts";
import { IN_ROOT, type InitContext, OPEN_HOW_SIZE, openHow, type ProcessContext } from "./context.ts";
import { unlessRoot } from "./give-stdio.ts";
import { attach, cloneTree } from "./mount-tree.ts";
import { openTarget } from "./path.ts";
import { fileSystemOf } from "./procfs.ts";

/** Opens a pty below `root` (a directory), hands the master to brun and returns the slave. */
export function openPty(
  x: ProcessContext,
  root: Slot,
  uid: number,
  size: readonly [number, number] | null,
): Slot {
  const { b } = x;
  b.at("process.terminal", { kind: "openPty" });
  const how = openHow(x, O.RDWR | O.NOCTTY, IN_ROOT);
  const master = b.get("openat2", [root, b.str("dev/pts/ptmx"), how, OPEN_HOW_SIZE]);
  // The root file system could have another file under this name (CVE-2025-52565).
  b.check(fileSystemOf(x, master), 4, 0xffffffffn, FS_MAGIC.DEVPTS, E.ENOTTY);
  const unlock = b.reserve(4, "0");
  b.sys("ioctl", [master, IOCTL.TIOCSPTLCK, unlock]);
  const slave = b.get("ioctl", [master, IOCTL.TIOCGPTPEER, O.RDWR | O.NOCTTY | O.CLOEXEC]);
  if (size !== null) {
    const winsize = b.bytes(new Uint8Array(new Uint16Array([size[0], size[1], 0, 0]).buffer), `${size}`);
    b.sys("ioctl", [slave, IOCTL.TIOCSWINSZ, winsize]);
  }
  if (uid !== 0 || x.anyUser) {
    const root = b.label();
    b.sys("fchown", [slave, unlessRoot(x, uid, root), -1], { handle: [ANY] });
    b.mark(root);
  }
  b.at("process.terminal", { kind: "handPty" });
  b.send(Message.console, master, 0);
  b.close(master);
  return slave;
}

/** Makes the slave the session's controlling terminal and stdin, stdout and stderr. */
export function takeTerminal(x: ProcessContext, slave: Slot): void {
  const { b } = x;
  b.at("process.terminal", { kind: "takePty" });
  b.sys("ioctl", [slave, IOCTL.TIOCSCTTY, 0]);
  for (const fd of [0, 1, 2]) b.sys("dup3", [slave, fd, 0]);
  b.close(slave);
}

/** Opens the terminal of a new container, also as /dev/console. Returns the slave, or null without a terminal. */
export function openConsole(x: InitContext): Slot | null {
  const { process } = x.config.spec;
  if (!process?.terminal) return null;
  const box = process.consoleSize;
  const size =
    box && Number(box.height) > 0
      ? ([Number(box.height), Number(box.width)] as const)
      : x.config.facts.terminalSize;
  const slave = openPty(x, x.root, process.user?.uid ?? 0, size);
  x.b.at("process.terminal", { kind: "bindConsole" });
  const tree = cloneTree(x, slave, "", false);
  attach(x, tree, openTarget(x, "/dev/console", { create: "file" }));
  return slave;
}
