/**
 * examples/: the files say the same things to each other, their readers understand them, and what they start runs.
 * With the clients themselves they are used by `npm run test:clients`.
 */
import { describe, expect, test } from "bun:test";
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { installed, ownedDir } from "./support/caller.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { brunPath } from "./support/workspace.ts";

const EXAMPLES = `${import.meta.dir}/../examples`;
const INSTALLED = "/usr/local/bin/brun";
const read = (path: string): string => readFileSync(`${EXAMPLES}/${path}`, "utf8");

/** The value at a path of keys. */
const at = (value: unknown, ...keys: string[]): unknown =>
  keys.reduce((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], value);

test("every example has a README that names its files", () => {
  for (const name of ["podman", "docker", "containerd", "crio", "kubernetes", "systemd"]) {
    const readme = read(`${name}/README.md`);
    for (const file of readdirSync(`${EXAMPLES}/${name}`)) {
      if (file !== "README.md") expect([name, readme.includes(file)]).toEqual([name, true]);
    }
  }
});

test("podman: brun is the runtime, and supports what podman asks", () => {
  const engine = at(Bun.TOML.parse(read("podman/containers.conf")), "engine");
  expect(at(engine, "runtime")).toBe("brun");
  expect(at(engine, "runtimes", "brun")).toContain(INSTALLED);
  expect(at(engine, "runtime_supports_json")).toContain("brun");
  expect(at(engine, "runtime_supports_nocgroup")).toContain("brun");
});

test("docker", () => {
  expect(JSON.parse(read("docker/daemon.json"))).toEqual({ runtimes: { brun: { path: INSTALLED } } });
});

test("kubernetes: the RuntimeClass names a runtime that containerd and CRI-O know, and the pod names the class", () => {
  const runtimeClass = Bun.YAML.parse(read("kubernetes/runtimeclass.yaml"));
  const pod = Bun.YAML.parse(read("kubernetes/pod.yaml"));
  expect(at(runtimeClass, "apiVersion")).toBe("node.k8s.io/v1");
  expect(at(pod, "spec", "runtimeClassName")).toBe(at(runtimeClass, "metadata", "name"));
  const handler = at(runtimeClass, "handler") as string;
  const containerd = Bun.TOML.parse(read("containerd/brun.toml"));
  for (const plugin of ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.runtime"]) {
    const runtime = at(containerd, "plugins", plugin, "containerd", "runtimes", handler);
    expect([at(runtime, "runtime_type"), at(runtime, "options", "BinaryName")]).toEqual([
      "io.containerd.runc.v2",
      INSTALLED,
    ]);
  }
  const crio = at(Bun.TOML.parse(read("crio/10-brun.conf")), "crio", "runtime", "runtimes", handler);
  expect(crio).toMatchObject({ runtime_path: INSTALLED, runtime_type: "oci" });
});

test.skipIf(!installed("containerd"))("containerd understands its file", () => {
  const argv = ["containerd", "--config", `${EXAMPLES}/containerd/brun.toml`, "config", "dump"];
  const { exitCode, stdout } = Bun.spawnSync(argv, { stderr: "ignore" });
  expect([exitCode, stdout.toString().includes(`BinaryName = "${INSTALLED}"`)]).toEqual([0, true]);
});

describe.each(subjects(["brun"]))("systemd, $label", (subject) => {
  /** The lines of a key, with the specifiers replaced as systemd does. */
  const commands = (box: Sandbox, key: string, id: string): string[][] =>
    read("systemd/brun@.service")
      .split("\n")
      .filter((line) => line.startsWith(`${key}=`))
      .map((line) =>
        line
          .slice(key.length + 1)
          .replaceAll("%i", id)
          .replaceAll("%h", box.dir),
      )
      .map((line) => line.replaceAll(INSTALLED, brunPath()).split(" "));

  test("the service starts, stops, and starts again after a crash", async () => {
    await using box = new Sandbox(subject);
    const id = box.name();
    const home = ownedDir(subject.caller, `${box.dir}/.local/share/brun`);
    const bundle = box.bundle((spec) => {
      spec.process.args = ["/bin/sh", "-c", "trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done"];
    });
    cpSync(bundle, `${home}/${id}`, { recursive: true, verbatimSymlinks: true });
    if (subject.caller.uid !== process.getuid?.()) {
      Bun.spawnSync(["chown", "-R", `${subject.caller.uid}:${subject.caller.gid}`, home]);
    }
    const run = (argv: string[]) => {
      const global = [argv[0]!, "--root", box.state, ...argv.slice(1)];
      // Who has no delegated cgroup does without, as the service has one.
      return Bun.spawn([...subject.caller.prefix, ...global], {
        env: { ...box.env },
        cwd: `${home}/${id}`,
        stdio: ["ignore", Bun.file(box.file("out", "")), Bun.file(box.file("err", ""))],
      });
    };
    const all = async (key: string): Promise<void> => {
      for (const argv of commands(box, key, id)) expect([argv, await run(argv).exited]).toEqual([argv, 0]);
    };
    const start = async () => {
      await all("ExecStartPre");
      const main = run(commands(box, "ExecStart", id)[0]!);
      for (let i = 0; i < 200 && !readFileSync(`${box.dir}/out`, "utf8").includes("up"); i++)
        await Bun.sleep(50);
      return main;
    };
    const first = await start();
    await all("ExecStop");
    expect(await first.exited).toBe(0);
    await all("ExecStopPost");
    expect(box.known(id)).toBe(false);

    const second = await start();
    const { pid } = await box.inspect(id);
    process.kill(pid, "SIGKILL");
    expect(await second.exited).toBe(128 + 9);
    const third = await start();
    await all("ExecStop");
    expect(await third.exited).toBe(0);
    await all("ExecStopPost");
  });
});

test.skipIf(!installed("systemd-analyze"))("systemd understands the unit", async () => {
  const unit = read("systemd/brun@.service").replaceAll(INSTALLED, "/bin/true");
  const path = `${brunPath()}@demo.service`;
  await Bun.write(path, unit);
  const { exitCode, stderr } = Bun.spawnSync(["systemd-analyze", "verify", "--man=no", path]);
  const complaints = stderr
    .toString()
    .split("\n")
    .filter((line) => line.includes("@demo.service:"));
  expect([exitCode, complaints]).toEqual([0, []]);
});
