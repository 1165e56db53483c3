/** What other programs do for `run --host` and `--rootfs`: networks by pasta and slirp4netns, overlays by FUSE. */
import { describe, expect, test } from "bun:test";
import { accessSync, chmodSync, constants, existsSync, readdirSync, readFileSync } from "node:fs";
import { installHint, PACKAGES } from "../src/package-names.ts";
import { type Caller, host, installed, isRoot, ownedDir } from "./support/caller.ts";
import { until } from "./support/processes.ts";
import { makeRootfs } from "./support/rootfs.ts";
import { subjects } from "./support/runtime.ts";
import { type CallOptions, Sandbox } from "./support/sandbox.ts";
import { brunPath } from "./support/workspace.ts";

/** Whether this program and its device can be used, if need be through {@link withDevice}. */
function usable(path: string, ...programs: string[]): boolean {
  if (!programs.every(installed)) return false;
  if (isRoot) return true;
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** The programs need a device, which on some machines only root may open: then a copy lies over it. */
function withDevice(box: Sandbox, path: string, minor: string): CallOptions {
  if (!isRoot) return {};
  const copy = `${box.dir}/device`;
  host("mknod", "-m", "666", copy, "c", "10", minor);
  chmodSync(copy, 0o666);
  return { binds: { [copy]: path } };
}

/** A port that nobody has: the tests run one after the other. */
const port = (caller: Caller, mode: string) => 20_000 + (caller.uid % 1000) * 2 + (mode === "pasta" ? 1 : 0);

for (const subject of subjects(["brun"])) {
  const { caller } = subject;
  if (caller.uid === 0) continue; // root has other means to connect namespaces, and pasta refuses it
  describe(subject.label, () => {
    for (const mode of ["pasta", "slirp4netns"]) {
      test.skipIf(!usable("/dev/net/tun", mode))(
        `${mode}: an address, names, a published port, and nothing stays`,
        async () => {
          await using box = new Sandbox(subject);
          const options = withDevice(box, "/dev/net/tun", "200");
          const root = makeRootfs(ownedDir(caller, `${box.dir}/root`), caller);
          const published = port(caller, mode);
          const script = `ip -4 addr show | grep -c 'inet ' ; ip route | grep -c default; cut -d' ' -f1 /etc/resolv.conf
          mkdir /www; echo inside > /www/index.html; echo up; exec httpd -f -p 80 -h /www`;
          const flags = ["--network", mode, "-p", `127.0.0.1:${published}:80`, "--name", "web"];
          const running = box.spawn(["run", "--rootfs", root, ...flags, "--", "sh", "-c", script], options);
          await until("the server is up", () => running.stdout().includes("up") || running.stderr() !== "");
          expect({ out: running.stdout(), err: running.stderr() }).toEqual({
            out: "2\n1\nnameserver\nup\n",
            err: "",
          });
          let page = "";
          for (let i = 0; i < 50 && page === ""; i++) {
            page = await fetch(`http://127.0.0.1:${published}/`, { signal: AbortSignal.timeout(2000) }).then(
              (response) => response.text(),
              () => "",
            );
            if (page === "") await Bun.sleep(100);
          }
          expect(page).toBe("inside\n");
          const taken = await box.call(
            ["run", "--rootfs", root, ...flags.with(-1, "web2"), "--", "true"],
            options,
          );
          expect(taken.code).toBe(1);
          expect(taken.stderr).toMatch(new RegExp(`^brun: (--publish|--network ${mode}): .*\n$`));
          await box.ok(["kill", "web", "KILL"]);
          await running.done;
          await box.untilGone();
          expect(readdirSync(`${box.state}/@network`)).toEqual([`${mode}.resolv.conf`]);
        },
      );
    }

    for (const mode of ["pasta", "slirp4netns"])
      test.skipIf(!usable("/dev/net/tun", mode))(`${mode}, with --host: an address and names`, async () => {
        await using box = new Sandbox(subject);
        const dir = ownedDir(caller, `${box.dir}/home`);
        const options = { ...withDevice(box, "/dev/net/tun", "200"), cwd: dir, env: { HOME: dir } };
        const run = (...flags: string[]) =>
          box.call(
            [
              "run",
              "--host",
              "--network",
              mode,
              ...flags,
              "--",
              "sh",
              "-c",
              "id -u; ip -4 route | grep -c default; grep -c ^nameserver /etc/resolv.conf",
            ],
            options,
          );
        const connected = (uid: number) => ({ code: 0, stdout: `${uid}\n1\n1\n`, stderr: "" });
        expect(await run()).toMatchObject(connected(caller.uid));
        expect(await run("-u", "root")).toMatchObject(connected(0));
        const other = await run("--userns", "keep-id");
        expect(other.stderr).toBe(
          `brun: --network ${mode}: ${mode} connects a program that runs as you alone, or as root; hint: --userns single, or -u root\n`,
        );
        await box.untilGone();
        expect(readdirSync(`${box.state}/@network`)).toEqual([`${mode}.resolv.conf`]);
      });

    test.skipIf(!existsSync("/etc/mtab") || !usable("/dev/fuse", "fuse-overlayfs", "fusermount3"))(
      "--overlay fuse: all of the root can be changed, and nothing stays",
      async () => {
        await using box = new Sandbox(subject);
        const device = withDevice(box, "/dev/fuse", "229");
        const home = ownedDir(caller, `${box.dir}/home`);
        box.file("home/notes", "mine\n");
        box.file("home/.netrc", "secret\n");
        const options = { ...device, cwd: home, env: { HOME: home } };
        const script = `id -u; cat notes .netrc; echo changed > notes; cat notes; echo x > /etc/brun-test; cat /etc/brun-test
        touch ../beside && ls /proc/self/fd > /dev/null && echo done`;
        const run = ["run", "--host", "--overlay", "fuse", "--name", "web", "--", "sh", "-c", script];
        const outcome = await box.call(run, options);
        expect(outcome).toMatchObject({
          code: 0,
          stderr: "",
          stdout: `${caller.uid}\nmine\nchanged\nx\ndone\n`,
        });
        // brun keeps compiled filters in ~/.cache, and output in ~/.local/state.
        const own = caller.uid === 0 ? [] : [".local"];
        expect(readdirSync(home).sort()).toEqual([".cache", ...own, ".netrc", "notes"]);
        expect(readdirSync(`${box.state}/@overlay`)).toEqual([]);
        const root = makeRootfs(ownedDir(caller, `${box.dir}/root`), caller);
        const upper = ownedDir(caller, `${box.dir}/upper`);
        const flags = ["run", "--rootfs", root, "--overlay", "fuse", "--upper", upper];
        expect((await box.call([...flags, "--", "sh", "-c", "id -u; rm -r /etc"], options)).stdout).toBe(
          "0\n",
        );
        expect((await box.call([...flags, "--", "ls", "/etc"], options)).code).toBe(1);
        expect(readdirSync(`${root}/etc`)).toContain("passwd");
        const failed = await box.call([...flags, "--", "nosuchprogram"], options);
        expect(failed.stderr).toStartWith('brun: exec: "');
        expect((await box.call([...flags, "-u", "7", "--", "true"], options)).stderr).toBe(
          "brun: --user can only be you, or root, with fuse-overlayfs\n",
        );
        await box.untilGone();
        expect(readdirSync(`${box.state}/@overlay`)).toEqual([]);
      },
    );

    test.skipIf(!existsSync("/etc/mtab") || !usable("/dev/fuse", "fuse-overlayfs", "fusermount3"))(
      "--overlay fuse: fuse-overlayfs ends, and has written all, when another process is in its mount",
      async () => {
        await using box = new Sandbox(subject);
        const home = ownedDir(caller, `${box.dir}/home`);
        const upper = ownedDir(caller, `${box.dir}/upper`);
        const shared = ownedDir(caller, `${box.dir}/shared`);
        const options = { ...withDevice(box, "/dev/fuse", "229"), env: { HOME: home } };
        const script = "echo up; until [ -e /shared/go ]; do sleep 0.1; done; seq 100000 >/big";
        const root = makeRootfs(ownedDir(caller, `${box.dir}/root`), caller);
        const flags = ["run", "--rootfs", root, "-v", `${shared}:/shared`];
        const running = box.spawn(
          [...flags, "--overlay", "fuse", "--upper", upper, "--", "sh", "-c", script],
          options,
        );
        await until("the program is up", () => running.stdout() === "up\n" || running.stderr() !== "");
        const merged = `${box.state}/@overlay/${readdirSync(`${box.state}/@overlay`)[0]}/merged`;
        const staying = ["sh", "-c", 'cd "$1" && exec sleep 1000', "sh", merged];
        const asCaller = ["setpriv", `--reuid=${caller.uid}`, `--regid=${caller.gid}`, "--clear-groups"];
        const within = ["nsenter", `--mount=/proc/${running.pid}/ns/mnt`, ...asCaller];
        const other = Bun.spawn([...(isRoot ? within : []), ...staying]);
        try {
          await until("it is there", () => host("ps", "-o", "comm=", `${other.pid}`) === "sleep\n");
          box.file("shared/go", "");
          expect(await running.done).toMatchObject({ code: 0, stderr: "" });
          expect(readFileSync(`${upper}/upper/big`, "utf8")).toEndWith("\n100000\n");
          expect(host("ps", "-eo", "args")).not.toContain(merged);
        } finally {
          other.kill("SIGKILL");
          await other.exited;
        }
      },
    );

    test("--overlay none: read-only; one that there is not is told", async () => {
      await using box = new Sandbox(subject);
      const none = await box.call(["run", "--host", "--overlay", "none", "--", "touch", "x"]);
      expect(none.stderr).toContain("Read-only file system");
      const wrong = await box.call(["run", "--host", "--overlay", "aufs", "--", "true"]);
      expect(wrong.stderr).toBe(
        'brun: --overlay: there is no overlay "aufs"; hint: auto, kernel, fuse, none\n',
      );
    });

    test("a program that is missing is one line", async () => {
      await using box = new Sandbox(subject);
      const root = makeRootfs(ownedDir(caller, `${box.dir}/root`), caller);
      const flags = ["--root", box.state, "run", "--rootfs", root, "--network", "pasta", "--", "true"];
      const argv = [...caller.prefix, "/usr/bin/env", "PATH=/none", brunPath(), ...flags];
      const { stderr } = Bun.spawnSync(argv, { cwd: box.dir, env: { ...box.env } });
      expect(stderr.toString()).toBe(
        `brun: --network pasta: pasta is not installed; hint: ${installHint(PACKAGES.pasta)}, or use --network none or host\n`,
      );
    });
  });
}
