/** The terminal that brun itself was started on. */
import { IOCTL } from "../sys/constants.ts";
import { NR, syscall } from "../sys/ffi.ts";

const winsize = new Uint16Array(4);

/** Which of stdin, stdout and stderr is a terminal, or -1. */
export function hostTerminal(): number {
  return [0, 1, 2].find((fd) => syscall(NR.ioctl, fd, IOCTL.TIOCGWINSZ, winsize) === 0) ?? -1;
}

/** Rows and columns of that terminal, or null. */
export function terminalSize(): readonly [number, number] | null {
  return hostTerminal() < 0 ? null : [winsize[0]!, winsize[1]!];
}
