/** NOTIFY_SOCKET: what a container says by sd_notify(3) reaches whoever started it. */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { NR, syscall } from "../src/sys/ffi.ts";
import { close } from "../src/sys/fs.ts";
import { POLLHUP, waitFd } from "../src/sys/poll.ts";
import { connectUnix, SOCK_DGRAM, sendFd } from "../src/sys/socket.ts";
import { until } from "./support/processes.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { NotifySocket, sendDatagram } from "./support/sockets.ts";

/** A bundle whose program says where its socket is. Busybox cannot send to it: the test does. */
function speaking(box: Sandbox): string {
  return box.bundle((spec) => {
    spec.process.args = ["/bin/sh", "-c", "echo $NOTIFY_SOCKET >/seen; exec sleep 1000"];
  });
}

/** The container's socket as seen from the host, when its program runs. */
async function socketOf(box: Sandbox, id: string, bundle: string): Promise<string> {
  const seen = () => Bun.file(`${bundle}/rootfs/seen`);
  await until("the program", () => seen().size > 0);
  const path = `/proc/${(await box.inspect(id)).pid}/root${(await seen().text()).trim()}`;
  await until("the socket", () => existsSync(path));
  return path;
}

/** sd_notify_barrier(3). Returns the end of the pipe that sees when the other has been closed. */
function sendBarrier(path: string): number {
  const pipe = new Int32Array(2);
  syscall(NR.pipe2, pipe, 0o2000000);
  const socket = connectUnix(path, SOCK_DGRAM);
  sendFd(socket, pipe[1]!, "BARRIER=1");
  close(socket);
  close(pipe[1]!);
  return pipe[0]!;
}

for (const subject of subjects()) {
  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    test("a NOTIFY_SOCKET that nobody serves any more is worth no word", async () => {
      await using box = new Sandbox(subject);
      const env = { NOTIFY_SOCKET: `${box.dir}/gone` };
      expect(await box.sh("echo ran", undefined, { env })).toMatchObject({
        code: 0,
        stdout: "ran\n",
        stderr: "",
      });
    });

    test("run --detach waits for READY, and says which process it is", async () => {
      await using box = new Sandbox(subject);
      using notify = new NotifySocket(`${box.dir}/notify`);
      const [id, bundle] = [box.name(), speaking(box)];
      const env = { NOTIFY_SOCKET: notify.path };
      const running = box.spawn(["run", "--detach", "--bundle", bundle, id], { env });
      const inner = await socketOf(box, id, bundle);
      sendDatagram(inner, "STATUS=not yet");
      await Bun.sleep(100);
      expect(notify.lines()).not.toContain("READY=1");
      sendDatagram(inner, "READY=1\nSTATUS=up");
      const { pid } = await box.inspect(id);
      const lines: string[] = [];
      const all = () => lines.push(...notify.lines()) > 0 && lines.includes("BARRIER=1");
      if (subject.runtime === "brun") {
        await until("all lines", all);
        expect(lines).toEqual(["READY=1", `MAINPID=${pid}`, "BARRIER=1"]);
      } else await until("READY", () => notify.lines().includes("READY=1"));
      expect((await running.done).code).toBe(0);
    });

    if (subject.runtime === "brun") {
      test("a container that waits for READY can be killed and deleted", async () => {
        await using box = new Sandbox(subject);
        using notify = new NotifySocket(`${box.dir}/notify`);
        const [id, bundle] = [box.name(), speaking(box)];
        const env = { NOTIFY_SOCKET: notify.path };
        const running = box.spawn(["run", "--detach", "--bundle", bundle, id], { env });
        await socketOf(box, id, bundle);
        await box.ok(["delete", "--force", id]);
        expect((await running.done).code).toBe(0);
        expect(notify.lines()).toEqual([]);
        await box.untilGone(id);
      });

      test("create and start: start waits for READY", async () => {
        await using box = new Sandbox(subject);
        using notify = new NotifySocket(`${box.dir}/notify`);
        const [id, bundle] = [box.name(), speaking(box)];
        const env = { NOTIFY_SOCKET: notify.path };
        await box.ok(["create", "--bundle", bundle, id], { env });
        const starting = box.spawn(["start", id], { env });
        const inner = await socketOf(box, id, bundle);
        sendDatagram(inner, "READY=1");
        const lines: string[] = [];
        await until("all lines", () => lines.push(...notify.lines()) > 0 && lines.includes("BARRIER=1"));
        expect(lines).toContain(`MAINPID=${(await box.inspect(id)).pid}`);
        expect(await starting.done).toMatchObject({ code: 0, stderr: "" });
        await box.ok(["delete", "--force", id]);
        await box.untilGone(id);
      });

      test("start does not wait when it, or create, has no NOTIFY_SOCKET", async () => {
        await using box = new Sandbox(subject);
        using notify = new NotifySocket(`${box.dir}/notify`);
        const env = { NOTIFY_SOCKET: notify.path };
        for (const [creating, starting] of [
          [env, {}],
          [{}, env],
        ]) {
          const id = box.name();
          const bundle = box.bundle((spec) => {
            spec.process.args = ["/bin/sleep", "1000"];
          });
          await box.ok(["create", "--bundle", bundle, id], { env: creating! });
          await box.ok(["start", id], { env: starting! });
          await box.untilStatus(id, "running");
        }
      });

      test("run in the foreground hands on READY, RELOADING, STOPPING; nothing of the container's pids", async () => {
        await using box = new Sandbox(subject);
        using notify = new NotifySocket(`${box.dir}/notify`);
        const [id, bundle] = [box.name(), speaking(box)];
        const running = box.spawn(["run", "--bundle", bundle, id], { env: { NOTIFY_SOCKET: notify.path } });
        const inner = await socketOf(box, id, bundle);
        const lines: string[] = [];
        const heard = (last: string) =>
          until(last, () => lines.push(...notify.lines()) > 0 && lines.includes(last));
        sendDatagram(inner, "MAINPID=1\nREADY=1\nSTATUS=up");
        await heard(`MAINPID=${running.pid}`);
        expect(lines).toEqual(["READY=1", "STATUS=up", `MAINPID=${running.pid}`]);
        lines.length = 0;
        sendDatagram(inner, "FDSTORE=1\nFDNAME=x");
        sendDatagram(inner, "RELOADING=1\nMONOTONIC_USEC=123");
        sendDatagram(inner, "EXTEND_TIMEOUT_USEC=5000000\nWATCHDOG=1\nSTOPPING=1");
        await heard("STOPPING=1");
        const reload = ["RELOADING=1", "MONOTONIC_USEC=123"];
        expect(lines).toEqual([...reload, "EXTEND_TIMEOUT_USEC=5000000", "WATCHDOG=1", "STOPPING=1"]);
        await box.ok(["kill", id, "KILL"]);
        expect((await running.done).code).toBe(137);
        await box.untilGone(id);
      });

      test("a barrier is closed when all before it has been read outside", async () => {
        await using box = new Sandbox(subject);
        using notify = new NotifySocket(`${box.dir}/notify`);
        const [id, bundle] = [box.name(), speaking(box)];
        const running = box.spawn(["run", "--bundle", bundle, id], { env: { NOTIFY_SOCKET: notify.path } });
        const inner = await socketOf(box, id, bundle);
        sendDatagram(inner, "READY=1");
        const barrier = sendBarrier(inner);
        expect(waitFd(barrier, 0, 300)).toBe(0);
        expect(notify.lines()).toEqual(["READY=1", `MAINPID=${running.pid}`, "BARRIER=1"]);
        expect(waitFd(barrier, 0, 5000)).toBe(POLLHUP);
        close(barrier);
        await box.ok(["kill", id, "KILL"]);
        await running.done;
      });

      test("a NOTIFY_SOCKET that nobody listens to is told with --debug", async () => {
        await using box = new Sandbox(subject);
        const env = { NOTIFY_SOCKET: `${box.dir}/none` };
        const outcome = await box.sh("echo ran", undefined, { env, globals: ["--debug"] });
        expect(outcome).toMatchObject({ code: 0, stdout: "ran\n" });
        expect(outcome.stderr).toMatch(/NOTIFY_SOCKET: .*none: no such file/);
        await box.untilGone();
      });
    }
  });
}
