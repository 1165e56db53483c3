/** Checkpoint and restore by CRIU, as root in the test machine; elsewhere there are no tests here. */
import { describe, expect, test } from "bun:test";
import {
  closeSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { host } from "../support/caller.ts";
import { until } from "../support/processes.ts";
import { FdReceiver } from "../support/sockets.ts";
import { COUNT, Counter, counting } from "./counter.ts";
import { PlacedSandbox, place } from "./place.ts";

const here = place();
if (here?.name === "root-systemd") {
  describe(`checkpoint and restore at ${here.name}`, () => {
    test("a counter goes on after restore, is known to state and exec, and can be killed", async () => {
      const counter = await Counter.start(here);
      await using box = counter.box;
      const { id } = counter;
      await counter.checkpoint();
      expect(box.known(id)).toBe(false);
      const reached = counter.value;
      expect(readdirSync(counter.images())).toContain("inventory.img");
      const pidFile = `${box.dir}/pid`;
      await counter.restore("--pid-file", pidFile);
      await counter.goesOn(reached);
      const state = await box.inspect(id);
      expect(state.status).toBe("running");
      expect(`${state.pid}`).toBe(readFileSync(pidFile, "utf8"));
      expect(await box.cgroupOf(id)).toContain(id);
      expect((await box.exec(id, "echo $((1+1)); cat /proc/1/comm")).stdout).toBe("2\nsh\n");
      await box.ok(["kill", id, "KILL"]);
      await box.untilStatus(id, "stopped");
      await box.ok(["delete", id]);
      await box.untilGone(id);
    });

    test("--leave-running leaves it, pre-dumps come before a dump by --parent-path", async () => {
      const counter = await Counter.start(here);
      await using box = counter.box;
      await counter.checkpoint("--leave-running");
      expect((await box.inspect(counter.id)).status).toBe("running");
      const pre = counter.images("pre");
      await box.ok(["checkpoint", "--pre-dump", "--image-path", pre, counter.id]);
      expect((await box.inspect(counter.id)).status).toBe("running");
      const last = counter.images("last");
      await box.ok(["checkpoint", "--image-path", last, "--parent-path", "../pre", counter.id]);
      const reached = counter.value;
      await counter.restoreFrom(last);
      await counter.goesOn(reached);
      const refused = await box.call([
        ...["checkpoint", "--image-path", counter.images("next"), "--parent-path", "../none", counter.id],
      ]);
      expect(refused.stderr).toContain("--parent-path: there is no");
      expect((await box.inspect(counter.id)).status).toBe("running");
    });

    test("bind mounts, tmpfs, masked paths, limits, hostname and loopback are there again", async () => {
      await using box = new PlacedSandbox(here);
      const data = `${box.dir}/data`;
      mkdirSync(`${data}/below`, { recursive: true });
      writeFileSync(`${data}/file`, "from the host\n");
      const counter = await Counter.start(here, box, (spec) => {
        counting(spec);
        spec.process.args[2] = `echo kept >/dev/shm/kept; ${COUNT}`;
        spec.mounts.push({ destination: "/data", type: "bind", source: data, options: ["rbind"] });
        spec.mounts.push({
          destination: "/one",
          type: "bind",
          source: `${data}/file`,
          options: ["bind", "ro"],
        });
        spec.linux.resources = { memory: { limit: 64 << 20 }, pids: { limit: 21 } };
      });
      await counter.checkpoint();
      await counter.restore();
      const script =
        "cat /data/file /one /dev/shm/kept; hostname; head -c 1 /proc/kcore | wc -c; ip addr show lo | grep -c 127.0.0.1;" +
        "(echo x >/one) 2>/dev/null || echo read-only";
      const { stdout, stderr } = await box.exec(counter.id, script);
      expect({ stdout, stderr }).toMatchObject({
        stdout: "from the host\nfrom the host\nkept\nbrun-test\n0\n1\nread-only\n",
      });
      const directory = await box.cgroupOf(counter.id);
      expect(readFileSync(`${directory}/memory.max`, "utf8")).toBe(`${64 << 20}\n`);
      expect(readFileSync(`${directory}/pids.max`, "utf8")).toBe("21\n");
    });

    test("in the foreground: output goes to the new stdout, the exit code is that of the program", async () => {
      await using box = new PlacedSandbox(here);
      const bundle = box.bundle((spec) => {
        // As the shell has it while a builtin writes to a file.
        const away = "exec 10>&1 >/log";
        const wait = "until [ -e /go ]; do usleep 20000; done";
        spec.process.args = ["/bin/sh", "-c", `${away}; ${wait}; exec >&10; echo on; exit 7`];
      });
      const id = box.name();
      const first = box.spawn(["run", "--bundle", bundle, id]);
      await until("the container", () => existsSync(`${box.state}/${id}/state.json`));
      await box.untilStatus(id, "running");
      const images = `${bundle}/images`;
      await box.ok(["checkpoint", "--image-path", images, id]);
      expect((await first.done).code).toBe(137);
      const second = box.spawn(["restore", "--image-path", images, "--bundle", bundle, id]);
      await until("the container", () => existsSync(`${box.state}/${id}/state.json`));
      writeFileSync(`${bundle}/rootfs/go`, "");
      expect(await second.done).toMatchObject({ code: 7, stdout: "on\n" });
      await box.untilGone(id);
    });

    test("hooks of the runtime run again at a restore, those after the end at a checkpoint", async () => {
      await using box = new PlacedSandbox(here);
      const log = box.file("hooks.log", "", 0o666);
      const hook = (name: string) => [
        { path: "/bin/sh", args: ["sh", "-c", `grep -o '"status":"[a-z]*"' | sed 's/^/${name} /' >>${log}`] },
      ];
      const counter = await Counter.start(here, box, (spec) => {
        counting(spec);
        spec.hooks = {
          ...{ prestart: hook("prestart"), createRuntime: hook("createRuntime") },
          ...{ poststart: hook("poststart"), poststop: hook("poststop") },
        };
      });
      const taken = () => {
        const lines = readFileSync(log, "utf8").replaceAll('"status":', "").trim().split("\n");
        writeFileSync(log, "");
        return lines;
      };
      expect(taken()).toEqual(['prestart "creating"', 'createRuntime "creating"', 'poststart "running"']);
      await counter.checkpoint();
      expect(taken()).toEqual(['poststop "stopped"']);
      await counter.restore();
      expect(taken()).toEqual(['prestart "creating"', 'createRuntime "creating"']);
    });

    test("a terminal goes to the new console socket", async () => {
      await using box = new PlacedSandbox(here);
      const [id, path] = [box.name(), `${box.dir}/console`];
      using receiver = new FdReceiver(path);
      const bundle = box.bundle((spec) => {
        spec.process.terminal = true;
        spec.process.args = ["/bin/sh", "-c", "read line; stty size; echo got $line; sleep 1000"];
      });
      const socket = ["--detach", "--bundle", bundle, "--console-socket", path];
      await box.ok(["run", ...socket, id]);
      const first = await receiver.receive(60000);
      const images = `${bundle}/images`;
      await box.ok(["checkpoint", "--image-path", images, id]);
      closeSync(first);
      await box.ok(["restore", "--image-path", images, ...socket, id]);
      const second = await receiver.receive(60000);
      writeSync(second, "typed\n");
      let text = "";
      await until("the answer", () => {
        const buffer = Buffer.alloc(4096);
        text += buffer.toString("utf8", 0, readSync(second, buffer));
        return text.includes("got typed");
      });
      closeSync(second);
    });

    test("a network namespace joined by path is joined again", async () => {
      const name = `brun-test-${process.pid}`;
      host("ip", "netns", "add", name);
      try {
        await using box = new PlacedSandbox(here);
        const counter = await Counter.start(here, box, (spec) => {
          counting(spec);
          const network = spec.linux.namespaces.find(({ type }) => type === "network")!;
          network.path = `/run/netns/${name}`;
        });
        await counter.checkpoint();
        const reached = counter.value;
        await counter.restore();
        await counter.goesOn(reached);
        const { pid } = await box.inspect(counter.id);
        expect(statSync(`/proc/${pid}/ns/net`).ino).toBe(statSync(`/run/netns/${name}`).ino);
      } finally {
        host("ip", "netns", "delete", name);
      }
    });

    test("a TCP connection goes on with --tcp-established, and is refused without", async () => {
      await using box = new PlacedSandbox(here);
      const counter = await Counter.start(here, box, (spec) => {
        const send = "i=0; while :; do i=$((i+1)); echo $i; usleep 50000; done | nc 127.0.0.1 5000";
        // Its stdin stays open: at the end of that nc would stop listening.
        const receive = "sleep 10000 | nc -l -p 5000 | while read n; do echo $n >/count; done";
        spec.process.args = ["/bin/sh", "-c", `(${receive}) & until ${send}; do sleep 1; done`];
      });
      const refused = await box.call(["checkpoint", "--image-path", counter.images("none"), counter.id]);
      expect(refused.stderr).toContain("criu failed: type DUMP");
      expect((await box.inspect(counter.id)).status).toBe("running");
      await counter.checkpoint("--tcp-established");
      const reached = counter.value;
      await counter.restore("--tcp-established");
      await counter.goesOn(reached);
    });

    test("what fails says why, and leaves container or nothing behind", async () => {
      const counter = await Counter.start(here);
      await using box = counter.box;
      const refusals: [string[], string][] = [
        [["--manage-cgroups-mode", "some", counter.id], "invalid manage-cgroups-mode"],
        [["--empty-ns", "pid", counter.id], 'namespace "pid" is not supported'],
        [["--page-server", "here", counter.id], "--page-server: here is no address and port"],
        [["nobody"], "container does not exist"],
      ];
      for (const [args, text] of refusals) {
        const outcome = await box.call(["checkpoint", "--image-path", counter.images(), ...args]);
        expect([outcome.code, outcome.stderr]).toEqual([1, expect.stringContaining(text)]);
      }
      const none = await box.call(["restore", "--image-path", `${box.dir}/none`, "-b", counter.bundle, "x"]);
      expect(none.stderr).toContain("--image-path: cannot open the directory");
      mkdirSync(counter.images("empty"));
      const empty = ["restore", "-d", "--image-path", counter.images("empty"), "-b", counter.bundle, "x"];
      const outcome = await box.call(empty);
      expect(outcome.stderr).toContain("criu failed: type RESTORE");
      expect(box.known("x")).toBe(false);
      expect((await box.inspect(counter.id)).status).toBe("running");
    });
  });
}
