/** Ways of CRIU to move a container with little downtime, as root in the test machine. */
import { afterEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { host } from "../support/caller.ts";
import { until } from "../support/processes.ts";
import { COUNT, Counter, counting } from "./counter.ts";
import { type Place, PlacedSandbox, place } from "./place.ts";

const MEGABYTE = 1 << 20;

/**
 * Counts with a megabyte of memory that does not change, whose size SIGUSR1 asks for. It waits by itself, because a
 * child would be a copy of it in the images.
 */
function startLoaded(at: Place): Promise<Counter> {
  return Counter.start(at, new PlacedSandbox(at), (spec) => {
    const load = `x=$(head -c ${MEGABYTE} /dev/zero | tr '\\0' x); trap 'echo \${#x} >/size' USR1`;
    const count = COUNT.replace("usleep 20000", "read -t 0.05 -u 9");
    spec.process.args = ["/bin/sh", "-c", `${load}; mkfifo /never; exec 9<>/never; ${count}`];
  });
}

/** Waits until a container has gone on from `reached`, with all of its memory. */
async function goesOnLoaded(counter: Counter, reached: number, id = counter.id): Promise<void> {
  await counter.goesOn(reached);
  await counter.box.ok(["kill", id, "USR1"]);
  const file = `${counter.bundle}/rootfs/size`;
  await until("the size of its memory", () => existsSync(file) && readFileSync(file, "utf8") !== "");
  expect(readFileSync(file, "utf8")).toBe(`${MEGABYTE}\n`);
}

/** Memory in images: all of it, and what of it takes place on the disk. */
function memoryIn(images: string): { size: number; used: number } {
  const stats = readdirSync(images)
    .filter((name) => name.startsWith("pages-"))
    .map((name) => statSync(`${images}/${name}`));
  const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);
  return { size: sum(stats.map(({ size }) => size)), used: sum(stats.map(({ blocks }) => 512 * blocks)) };
}

const PORT = 7001;
const ADDRESS = `127.0.0.1:${PORT}`;

/** Starts a CRIU that is a page server, or asks one for memory (lazy-pages --page-server). */
function criu(images: string, ...command: string[]): Bun.Subprocess {
  const server = ["--address", "127.0.0.1", "--port", `${PORT}`];
  return Bun.spawn(["criu", ...command, ...server, "--images-dir", images, "--work-dir", images], {
    stdio: ["ignore", "inherit", "inherit"],
  });
}

/** Whether somebody listens at {@link PORT}: state 0A in proc(5). */
function listening(): boolean {
  const port = PORT.toString(16).toUpperCase();
  return new RegExp(`:${port} \\S+ 0A `).test(readFileSync("/proc/net/tcp", "utf8"));
}

const here = place();
if (here?.name === "root-systemd") {
  describe(`moving containers at ${here.name}`, () => {
    test("pre-dumps that follow each other have what has changed; --auto-dedup takes it from those before", async () => {
      const counter = await startLoaded(here);
      await using box = counter.box;
      const [first, second, last] = ["first", "second", "last"].map((name) => counter.images(name)) as [
        string,
        string,
        string,
      ];
      const dump = (images: string, ...flags: string[]) =>
        box.ok(["checkpoint", "--image-path", images, ...flags, counter.id]);
      await dump(first, "--pre-dump");
      expect(memoryIn(first).size).toBeGreaterThan(MEGABYTE);
      await dump(second, "--pre-dump", "--parent-path", "../first");
      expect(memoryIn(second).size).toBeWithin(4096, MEGABYTE / 2);
      const before = memoryIn(first).used + memoryIn(second).used;
      await dump(last, "--parent-path", "../second", "--auto-dedup");
      expect(memoryIn(last).size).toBeWithin(4096, MEGABYTE / 2);
      expect(memoryIn(first).used + memoryIn(second).used).toBeLessThan(before);
      const reached = counter.value;
      await counter.restoreFrom(last, "--auto-dedup");
      await goesOnLoaded(counter, reached);
      expect(memoryIn(first).used).toBeLessThan(MEGABYTE / 2);
    });

    test("--page-server has memory written elsewhere", async () => {
      const counter = await startLoaded(here);
      await using box = counter.box;
      const refused = await box.call([
        ...["checkpoint", "--image-path", counter.images("none"), "--page-server", ADDRESS, counter.id],
      ]);
      expect(refused.stderr).toContain("criu failed: type DUMP");
      expect((await box.inspect(counter.id)).status).toBe("running");
      const pages = counter.images("pages");
      mkdirSync(pages);
      const server = criu(pages, "page-server");
      await until("the page server", listening);
      await counter.checkpoint("--page-server", ADDRESS);
      expect(await server.exited).toBe(0);
      expect(memoryIn(counter.images()).size).toBe(0);
      expect(memoryIn(pages).size).toBeGreaterThan(MEGABYTE);
      const reached = counter.value;
      cpSync(pages, counter.images(), { recursive: true });
      await counter.restore();
      await goesOnLoaded(counter, reached);
    });

    test("--page-server has a pre-dump written elsewhere, too, and after it what has changed", async () => {
      const counter = await startLoaded(here);
      await using box = counter.box;
      const dump = async (name: string, flags: readonly string[], ...server: string[]) => {
        const pages = counter.images(`${name}-pages`);
        mkdirSync(pages);
        const running = criu(pages, "page-server", ...server);
        await until("the page server", listening);
        const images = ["--image-path", counter.images(name), "--page-server", ADDRESS];
        await box.ok(["checkpoint", ...images, ...flags, counter.id]);
        expect(await running.exited).toBe(0);
        expect(memoryIn(counter.images(name)).size).toBe(0);
        return pages;
      };
      const before = await dump("before", ["--pre-dump"]);
      expect(memoryIn(before).size).toBeGreaterThan(MEGABYTE);
      expect((await box.inspect(counter.id)).status).toBe("running");
      const after = await dump(
        "after",
        ["--parent-path", "../before"],
        "--prev-images-dir",
        "../before-pages",
      );
      expect(memoryIn(after).size).toBeWithin(4096, MEGABYTE / 2);
      const reached = counter.value;
      cpSync(before, counter.images("before"), { recursive: true });
      rmSync(`${after}/parent`);
      cpSync(after, counter.images("after"), { recursive: true });
      await counter.restoreFrom(counter.images("after"));
      await goesOnLoaded(counter, reached);
    });

    test("--lazy-pages: --status-fd tells when to restore, the old container ends when all memory is fetched", async () => {
      const counter = await startLoaded(here);
      await using box = counter.box;
      const fifo = `${box.dir}/ready`;
      host("mkfifo", fifo);
      const reader = Bun.spawn(["cat", fifo], { stdout: "pipe" });
      const writer = openSync(fifo, "w");
      const images = counter.images();
      const lazy = ["--lazy-pages", "--image-path", images];
      const dump = box.spawn(
        ["checkpoint", ...lazy, "--page-server", ADDRESS, "--status-fd", "3", counter.id],
        { fds: [writer] },
      );
      closeSync(writer);
      expect(await new Response(reader.stdout).text()).toBe("\0");
      expect(listening()).toBe(true);
      expect(memoryIn(images).size).toBeLessThan(MEGABYTE / 2);
      const reached = counter.value;
      const pages = criu(images, "lazy-pages", "--page-server");
      await until("the daemon", () => existsSync(`${images}/lazy-pages.socket`));
      const id = box.name();
      await box.ok(["restore", "--detach", ...lazy, "--bundle", counter.bundle, id]);
      await goesOnLoaded(counter, reached, id);
      expect(await dump.done).toMatchObject({ code: 0, stderr: "" });
      expect(await pages.exited).toBe(0);
      expect(box.known(counter.id)).toBe(false);
      expect((await box.inspect(id)).status).toBe("running");
    });

    test("a container in a user namespace, whose root may read the images", async () => {
      await using box = new PlacedSandbox(here);
      // CRIU opens files again that are its stdout and stderr, as that root.
      const under = ["sh", "-c", 'exec "$@" >/dev/null 2>&1', "sh"];
      const [id, bundle] = [
        box.name(),
        box.bundle((spec) => {
          counting(spec);
          spec.linux.namespaces.push({ type: "user" });
          const map = [{ containerID: 0, hostID: 200000, size: 65536 }];
          Object.assign(spec.linux, { uidMappings: map, gidMappings: map });
        }),
      ];
      await box.ok(["run", "--detach", "--bundle", bundle, id], { under });
      const counter = new Counter(box, id, bundle);
      await until("the counter", () => counter.value > 3);
      await counter.checkpoint();
      const reached = counter.value;
      chmodSync(counter.images(), 0o711);
      const images = ["--image-path", counter.images()];
      await box.ok(["restore", "--detach", ...images, "--bundle", bundle, id], { under });
      await counter.goesOn(reached);
      const { stdout } = await box.exec(id, "head -c 4 /dev/urandom | wc -c; cat /proc/self/uid_map");
      expect(stdout.replace(/ +/g, " ")).toBe("4\n 0 200000 65536\n");
    });

    describe("CRIU's configuration", () => {
      const machine = "/etc/criu/brun.conf";
      afterEach(() => rmSync(machine, { force: true }));

      test("is the machine's, or what the annotation org.criu.config says, at checkpoint and restore", async () => {
        await using box = new PlacedSandbox(here);
        mkdirSync("/etc/criu", { recursive: true });
        writeFileSync(machine, "log-file=machine.log\n");
        const own = box.file("own.conf", "log-file=own.log\n");
        for (const [annotations, log] of [
          [{}, "machine.log"],
          [{ "org.criu.config": own }, "own.log"],
          [{ "org.criu.config": "" }, "dump.log"],
        ] as const) {
          const counter = await Counter.start(here, box, (spec) => {
            counting(spec);
            spec.annotations = annotations;
          });
          await counter.checkpoint();
          const logs = () => readdirSync(counter.images()).filter((name) => name.endsWith(".log"));
          expect(logs()).toEqual([log]);
          rmSync(`${counter.images()}/${log}`);
          const reached = counter.value;
          await counter.restore();
          expect(logs()).toEqual([log.replace("dump", "restore")]);
          await counter.goesOn(reached);
        }
      });
    });
  });
}
