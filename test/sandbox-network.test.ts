/** `run --network pasta` and `slirp4netns`, with published ports. */
import { describe, expect, test } from "bun:test";
import { accessSync, chmodSync, constants, readdirSync } from "node:fs";
import { type Caller, host, installed, isRoot, ownedDir } from "./support/caller.ts";
import { until } from "./support/processes.ts";
import { makeRootfs } from "./support/rootfs.ts";
import { subjects } from "./support/runtime.ts";
import { type CallOptions, Sandbox } from "./support/sandbox.ts";
import { brunPath } from "./support/workspace.ts";

const TUN = "/dev/net/tun";

/** Both programs need the device, which on some machines only root may open: then a copy lies over it. */
function withTun(box: Sandbox): CallOptions | null {
  if (isRoot) {
    const copy = `${box.dir}/tun`;
    host("mknod", "-m", "666", copy, "c", "10", "200");
    chmodSync(copy, 0o666);
    return { binds: { [copy]: TUN } };
  }
  try {
    accessSync(TUN, constants.R_OK | constants.W_OK);
    return {};
  } catch {
    return null;
  }
}

/** A port that nobody has: the tests run one after the other. */
const port = (caller: Caller, mode: string) => 20_000 + (caller.uid % 1000) * 2 + (mode === "pasta" ? 1 : 0);

for (const subject of subjects(["brun"])) {
  const { caller } = subject;
  if (caller.uid === 0) continue; // root has other means to connect namespaces, and pasta refuses it
  describe(subject.label, () => {
    for (const mode of ["pasta", "slirp4netns"]) {
      test(`${mode}: an address, names, a published port, and nothing stays`, async () => {
        if (!installed(mode)) return;
        await using box = new Sandbox(subject);
        const options = withTun(box);
        if (options === null) return;
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
      });
    }

    test("a program that is missing is one line", async () => {
      await using box = new Sandbox(subject);
      const root = makeRootfs(ownedDir(caller, `${box.dir}/root`), caller);
      const flags = ["--root", box.state, "run", "--rootfs", root, "--network", "pasta", "--", "true"];
      const argv = [...caller.prefix, "/usr/bin/env", "PATH=/none", brunPath(), ...flags];
      const { stderr } = Bun.spawnSync(argv, { cwd: box.dir, env: { ...box.env } });
      expect(stderr.toString()).toBe(
        "brun: --network pasta: pasta is not installed; hint: install the package passt, or use --network none or host\n",
      );
    });
  });
}
