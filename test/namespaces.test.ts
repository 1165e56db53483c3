/** Namespaces joined by path: one, several, and a user namespace with them. */
import { describe, expect, test } from "bun:test";
import { readlinkSync } from "node:fs";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { mapManyIds } from "./support/spec.ts";
import { brunPath } from "./support/workspace.ts";

/** The name in /proc/PID/ns of a type in a config. */
const FILE: Record<string, string> = { mount: "mnt", network: "net" };

for (const subject of subjects()) {
  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    const joined = async (types: string[], many: boolean): Promise<void> => {
      await using box = new Sandbox(subject);
      const first = await box.detached((spec) => {
        spec.linux.namespaces.push({ type: "network" });
        if (many) mapManyIds(spec, subject.caller);
        spec.linux.namespaces = [...new Map(spec.linux.namespaces.map((n) => [n.type, n])).values()];
      });
      const { pid } = await box.inspect(first);
      const all = ["pid", "ipc", "uts", "cgroup", "network", "user"];
      const script = all.map((type) => `readlink /proc/self/ns/${FILE[type] ?? type}`).join("; ");
      const outcome = await box.sh(script, (spec) => {
        if (many) mapManyIds(spec, subject.caller);
        const { namespaces } = spec.linux;
        if (!namespaces.some(({ type }) => type === "network")) namespaces.push({ type: "network" });
        for (const namespace of namespaces) {
          if (types.includes(namespace.type))
            namespace.path = `/proc/${pid}/ns/${FILE[namespace.type] ?? namespace.type}`;
        }
        if (types.includes("user")) {
          delete spec.linux.uidMappings;
          delete spec.linux.gidMappings;
        }
        if (types.includes("uts")) delete spec.hostname;
      });
      expect(outcome.stderr).toBe("");
      const seen = outcome.stdout.trim().split("\n");
      all.forEach((type, i) => {
        const theirs = readlinkSync(`/proc/${pid}/ns/${FILE[type] ?? type}`);
        const hosts = readlinkSync(`/proc/self/ns/${FILE[type] ?? type}`);
        const which = seen[i] === theirs ? "joined" : seen[i] === hosts ? "host" : "new";
        const expected =
          types.includes(type) || theirs === hosts ? (theirs === hosts ? "joined" : "joined") : "new";
        expect(`${type} ${which}`).toBe(`${type} ${expected}`);
      });
    };

    if (subject.caller.name === "root") {
      test("network, ipc and uts", () => joined(["network", "ipc", "uts"], false));
      test("pid", () => joined(["pid"], false));

      test("a user namespace, and a network namespace that it does not own", async () => {
        await using box = new Sandbox(subject);
        const user = await box.inspect(await box.detached((spec) => mapManyIds(spec, subject.caller)));
        const network = await box.inspect(await box.detached());
        const outcome = await box.sh(
          "readlink /proc/self/ns/user; readlink /proc/self/ns/net; cat /dev/null",
          (spec) => {
            const others = spec.linux.namespaces.filter(({ type }) => type !== "user" && type !== "network");
            spec.linux.namespaces = [
              ...others,
              { type: "network", path: `/proc/${network.pid}/ns/net` },
              { type: "user", path: `/proc/${user.pid}/ns/user` },
            ];
          },
        );
        const links = ["user", "net"].map((type, i) =>
          readlinkSync(`/proc/${[user, network][i]!.pid}/ns/${type}`),
        );
        expect(outcome).toMatchObject({ stdout: `${links.join("\n")}\n`, stderr: "", code: 0 });
      });
    }
    test("user, network, ipc, uts and pid of another container, with one id", () =>
      joined(["user", "network", "ipc", "uts", "pid"], subject.caller.name === "root"));
    test("user, network and ipc of another container, with 65,536 ids", () =>
      joined(["user", "network", "ipc"], true));

    test("pid of another container, by root of a user namespace: /proc is of that one", async () => {
      await using box = new Sandbox(subject);
      const bundle = (script: string, path?: string): string =>
        box.bundle((spec) => {
          spec.process.args = ["/bin/sh", "-c", script];
          delete spec.linux.uidMappings;
          delete spec.linux.gidMappings;
          for (const mount of spec.mounts) mount.options = mount.options?.filter((o) => o !== "gid=5") ?? [];
          const others = spec.linux.namespaces.filter(
            ({ type }) => !["user", "cgroup", "pid"].includes(type),
          );
          spec.linux.namespaces = [...others, path === undefined ? { type: "pid" } : { type: "pid", path }];
        });
      const [first, second] = [
        bundle("exec sleep 1000"),
        bundle("cat /proc/1/cmdline", "/proc/@PID@/ns/pid"),
      ];
      const runtime = subject.runtime === "brun" ? brunPath() : subject.runtime;
      // As podman calls a runtime: both from inside one user namespace, and neither makes another.
      const script = `set -e
        rt="${runtime} --root ${box.state}"
        $rt run --detach --bundle ${first} ${box.name()} </dev/null >/dev/null 2>&1
        pid=$($rt list --format json | sed 's/.*"pid":\\([0-9]*\\).*/\\1/')
        sed -i "s|@PID@|$pid|" ${second}/config.json
        $rt run --bundle ${second} ${box.name()}
        for id in $($rt list --quiet); do $rt delete --force $id; done`;
      const argv = [...subject.caller.prefix, "unshare", "--user", "--map-root-user", "sh", "-c", script];
      const child = Bun.spawnSync(argv, { env: box.env, cwd: box.dir, stdin: "ignore" });
      expect(`${child.stderr}${child.stdout}`).toBe("sleep\x001000\x00");
    });
  });
}
