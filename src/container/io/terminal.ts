/** The terminal that brun itself was started on, and the one it gives a container. */

import { IOCTL } from "../../sys/constants.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import { O } from "../../sys/fs.ts";
import { found } from "../../sys/lists.ts";

const winsize = new Uint16Array(4);

/** Which of stdin, stdout and stderr is a terminal, or -1. */
export function hostTerminal(): number {
  return found([0, 1, 2], (fd) => syscall(NR.ioctl, fd, IOCTL.TIOCGWINSZ, winsize) === 0) ?? -1;
}

/** Rows and columns of that terminal, or null. */
export function terminalSize(): readonly [number, number] | null {
  return hostTerminal() < 0 ? null : [winsize[0]!, winsize[1]!];
}

const TERMIOS_SIZE = 64;
const ONLCR = 4;

/** Whether a descriptor is a terminal. */
export function isTerminal(fd: number): boolean {
  return syscall(NR.ioctl, fd, IOCTL.TCGETS, new Uint8Array(TERMIOS_SIZE)) === 0;
}

/** Makes the pty leave "\n" unchanged, so that output to a file or pipe has no "\r\n", as with runc. */
export function plainNewlines(master: number): void {
  const termios = new Uint8Array(TERMIOS_SIZE);
  if (syscall(NR.ioctl, master, IOCTL.TCGETS, termios) < 0) return;
  // c_oflag, the second word.
  termios[4] = termios[4]! & ~ONLCR;
  syscall(NR.ioctl, master, IOCTL.TCSETS, termios);
}

/** Local modes (termios(3)). */
export const ECHO = 0o10;
export const ICANON = 0o2;

/**
 * Switches local modes of a terminal off.
 * @returns what it was, for {@link restoreTerminal}; null when it is no terminal
 */
export function withoutModes(fd: number, modes: number): Uint8Array | null {
  const before = new Uint8Array(TERMIOS_SIZE);
  if (syscall(NR.ioctl, fd, IOCTL.TCGETS, before) < 0) return null;
  const now = before.slice();
  // The bits of these are in the first byte of c_lflag.
  now[LFLAG] = now[LFLAG]! & ~modes;
  return syscall(NR.ioctl, fd, IOCTL.TCSETS, now) === 0 ? before : null;
}

/** Restores the modes of a terminal. */
export function restoreTerminal(fd: number, before: Uint8Array): void {
  syscall(NR.ioctl, fd, IOCTL.TCSETS, before);
}

let saved: Uint8Array | undefined;

/** Words of struct termios: c_iflag, c_oflag, c_cflag, c_lflag; cc[VTIME], cc[VMIN] (asm-generic/termbits.h). */
const [IFLAG, OFLAG, CFLAG, LFLAG, VTIME, VMIN] = [0, 4, 8, 12, 17 + 5, 17 + 6];

/** cfmakeraw(3) of a terminal. Returns whether it is one. */
export function enterRawMode(fd: number): boolean {
  const termios = new Uint8Array(TERMIOS_SIZE);
  if (syscall(NR.ioctl, fd, IOCTL.TCGETS, termios) < 0) return false;
  saved = termios.slice();
  const view = new DataView(termios.buffer);
  const clear = (at: number, bits: number) => view.setUint32(at, view.getUint32(at, true) & ~bits, true);
  // IGNBRK, BRKINT, PARMRK, ISTRIP, INLCR, IGNCR, ICRNL, IXON; OPOST; CSIZE, PARENB; ECHO, ECHONL, ICANON, ISIG, IEXTEN.
  clear(IFLAG, 0o2753);
  clear(OFLAG, 0o1);
  clear(CFLAG, 0o460);
  clear(LFLAG, 0o100113);
  view.setUint32(CFLAG, view.getUint32(CFLAG, true) | 0o60, true);
  termios[VTIME] = 0;
  termios[VMIN] = 1;
  return syscall(NR.ioctl, fd, IOCTL.TCSETS, termios) === 0;
}

/** Undoes {@link enterRawMode}. */
export function leaveRawMode(fd: number): void {
  if (saved !== undefined) syscall(NR.ioctl, fd, IOCTL.TCSETS, saved);
  saved = undefined;
}

const F_SETFL = 4;

/** Shows what a process that never ran has left in its terminal: the output of a hook that failed. */
export function drainTerminal(master: number): void {
  if (master < 0) return;
  const buffer = new Uint8Array(4096);
  syscall(NR.fcntl, master, F_SETFL, O.RDWR | O.NONBLOCK);
  for (;;) {
    const n = syscall(NR.read, master, buffer, buffer.length);
    if (n <= 0) return;
    syscall(NR.write, 1, buffer, n);
  }
}
