/** Descriptors that the caller hands to the container: --preserve-fds and socket activation. */
import { BrunError } from "../../errors.ts";
import { readlink, tryStat } from "../../sys/fs.ts";
import { listenFds } from "./listen-fds.ts";

/**
 * How many descriptors from 3 on the process gets. To be called before brun opens any of its own, which would
 * fill a hole.
 * @param asked --preserve-fds
 * Throws a BrunError when one of them is not open.
 */
export function preservedFds(asked: number): number {
  const count = asked + listenFds().count;
  checkPreserved(count);
  return count;
}

/**
 * Checks that the requested descriptors are open. Bun's epoll takes the lowest free number when Bun starts. So an epoll in the
 * range shows that the caller left a hole there, and Bun's epoll would get into the container.
 */
function checkPreserved(count: number): void {
  for (let fd = 3; fd < 3 + count; fd++) {
    const path = `/proc/self/fd/${fd}`;
    if (typeof tryStat(path, true) === "number" || readlink(path) === "anon_inode:[eventpoll]") {
      throw new BrunError(`file descriptor ${fd} is not open`, {
        where: "--preserve-fds",
        hint: "the caller has to open the descriptors from 3 on and leave no hole",
      });
    }
  }
}
