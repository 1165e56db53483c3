/** Descriptors and working directories that lead out of a container (CVE-2024-21626). */
import { describe, expect, test } from "bun:test";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import { attacker, install, tries } from "./support.ts";

for (const subject of subjects()) {
  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    /** The runtime, started with every descriptor open on a directory of the host. */
    const flooded = (box: Sandbox, args: readonly string[]): string[] => {
      const argv = box.argv(args);
      const { prefix } = subject.caller;
      const limit = ["sh", "-c", 'ulimit -n 1024; exec "$@"', "sh"];
      return [...limit, ...prefix, attacker("flood"), "/etc", "/usr/bin/env", ...argv.slice(prefix.length)];
    };

    test("of a thousand descriptors that the runtime was started with none is open inside", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.process.args = ["/bin/probe", "fds"];
      });
      install(box, bundle, "probe");
      const run = Bun.spawnSync(flooded(box, ["run", "--bundle", bundle, box.name()]), { env: box.env });
      expect(`${run.stdout}${run.stderr}`).toBe("0\n1\n2\n");
      const id = box.name();
      const sleeping = box.bundle((spec) => {
        spec.process.args = ["/bin/sleep", "1000"];
      });
      install(box, sleeping, "probe");
      await box.ok(["run", "--detach", "--bundle", sleeping, id]);
      const exec = Bun.spawnSync(flooded(box, ["exec", id, "/bin/probe", "fds"]), { env: box.env });
      expect(`${exec.stdout}${exec.stderr}`).toBe("0\n1\n2\n");
    });

    test("no descriptor of the runtime's is a way out by the working directory, at run and at exec", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      const last = tries(9, 1023);
      const outside: string[] = [];
      for (let fd = 3; fd <= last; fd++) {
        for (const path of [`/proc/self/fd/${fd}`, `/proc/self/fd/${fd}/../../../..`]) {
          const script = "pwd -P; ls /etc/debian_version /etc/shadow 2>/dev/null";
          const bundle = await bundleWith(box, path, script);
          for (const outcome of [
            await box.call(["run", "--bundle", bundle, box.name()]),
            await box.call(["exec", "--cwd", path, id, "/bin/sh", "-c", script]),
          ]) {
            // What a descriptor of the container's own root leads to is inside.
            if (outcome.code === 0 && !/^\/[^(]*\n$/.test(outcome.stdout))
              outside.push(`${path}: ${outcome.stdout}`);
          }
        }
      }
      expect(outside).toEqual([]);
    }, 3600000);
  });
}

let shared: { box: Sandbox; bundle: string } | undefined;

/** One bundle, with another working directory and script each time. */
async function bundleWith(box: Sandbox, cwd: string, script: string): Promise<string> {
  if (shared?.box !== box) shared = { box, bundle: box.bundle() };
  const { bundle } = shared;
  const file = `${bundle}/config.json`;
  const spec = await Bun.file(file).json();
  spec.process.cwd = cwd;
  spec.process.args = ["/bin/sh", "-c", script];
  await Bun.write(file, JSON.stringify(spec));
  return bundle;
}
