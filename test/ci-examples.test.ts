/** examples/ci: what its files say runs. In containers of docker and podman they are tried by `npm run test:clients`. */
import { describe, expect, test } from "bun:test";
import { linkSync, readdirSync, readFileSync } from "node:fs";
import { nestingFilter } from "../scripts/nesting-filter.ts";
import { jobLines } from "./places/ci.ts";
import { installed, isRoot, ownedDir } from "./support/caller.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { brunPath } from "./support/workspace.ts";

const CI = `${import.meta.dir}/../examples/ci`;

test("seccomp.json is the filter of --allow-nesting", () => {
  expect(JSON.parse(readFileSync(`${CI}/seccomp.json`, "utf8"))).toEqual(JSON.parse(nestingFilter()));
});

test("the README names every file", () => {
  const readme = readFileSync(`${CI}/README.md`, "utf8");
  for (const name of readdirSync(CI)) if (name !== "README.md") expect(readme).toContain(name);
});

for (const subject of subjects(["brun"])) {
  describe(subject.label, () => {
    test.skipIf(!installed("make"))("the lines of the jobs run", async () => {
      await using box = new Sandbox(subject);
      const { caller, env } = { caller: subject.caller, env: box.env };
      const project = ownedDir(caller, `${box.dir}/project`);
      box.file("project/Makefile", "test:\n\techo tested >result\n");
      const bin = ownedDir(caller, `${box.dir}/bin`);
      linkSync(brunPath(), `${bin}/brun`);
      const lines = jobLines();
      expect(lines.filter((line) => line.includes("make test")).length).toBeGreaterThanOrEqual(3);
      for (const line of new Set(lines)) {
        const child = Bun.spawnSync([...caller.prefix, "sh", "-ec", line], {
          cwd: project,
          env: { ...env, PATH: `${bin}:${env.PATH}` },
        });
        expect([line, child.exitCode, child.stderr.toString()]).toEqual([line, 0, ""]);
      }
      expect(readFileSync(`${project}/result`, "utf8")).toBe("tested\n");
    });
  });
}

test.skipIf(!isRoot || !installed("podman"))("in podman's default container, rootless", () => {
  const argv = [process.execPath, `${import.meta.dir}/clients/main.ts`, "--client", "places-podman"];
  const { exitCode, stdout } = Bun.spawnSync([...argv, "--as", "user", "-t", "^podman run \\("], {
    env: process.env,
  });
  expect(stdout.toString()).toEndWith("\n2 passed, 0 failed, 0 skipped\n");
  expect(exitCode).toBe(0);
});
