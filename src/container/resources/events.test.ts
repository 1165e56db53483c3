/** Watching a process for OOM kills. */
import { expect, test } from "bun:test";
import { NR, syscall } from "../../sys/ffi.ts";
import { close } from "../../sys/fs.ts";
import { follow } from "./events.ts";

/** An eventfd that can be read once. */
function signalled(): number {
  return syscall(NR.eventfd2, 1, 0o2004000);
}

test("a kill that is counted after its signal is told, and at once", () => {
  const child = Bun.spawn(["sleep", "2"]);
  const pidfd = syscall(NR.pidfd_open, child.pid, 0);
  const fd = signalled();
  const counts = [0, 0, 1];
  const begun = performance.now();
  const told: number[] = [];
  const take = () => {
    syscall(NR.read, fd, new Uint8Array(8), 8);
    return counts.shift() ?? 0;
  };
  follow({ fd, take }, pidfd, 60000, {
    killed: () => {
      told.push(performance.now() - begun);
      child.kill();
    },
    due: () => undefined,
  });
  expect(told).toHaveLength(1);
  expect(told[0]).toBeLessThan(1000);
  close(fd);
  close(pidfd);
});

test("what comes without a signal is told when statistics are due", () => {
  const child = Bun.spawn(["sleep", "10"]);
  const pidfd = syscall(NR.pidfd_open, child.pid, 0);
  const counts = [1];
  const told: string[] = [];
  follow({ fd: -1, take: () => counts.shift() ?? 0 }, pidfd, 20, {
    killed: () => told.push("killed"),
    due: () => {
      told.push("due");
      child.kill();
    },
  });
  expect(told.slice(0, 2)).toEqual(["killed", "due"]);
  close(pidfd);
});
