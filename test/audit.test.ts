/** `--audit`: what a program did is told when it has ended. */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { installed, ownedDir } from "./support/caller.ts";
import { makeRootfs } from "./support/rootfs.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  describe(subject.label, () => {
    const world = (box: Sandbox) => {
      const home = ownedDir(caller, `${box.dir}/home`);
      const dir = ownedDir(caller, `${home}/project`);
      for (const name of ["same", "text", "gone"]) box.file(`home/project/${name}`, `${name}\n`);
      const options = { cwd: dir, env: { HOME: home, XDG_DATA_HOME: `${home}/data` } };
      return { dir, options, run: (...args: string[]) => box.call(["run", ...args], options) };
    };

    test("--audit: programs, files, time and memory, as a table and as JSON", async () => {
      await using box = new Sandbox(subject);
      const { dir, options, run } = world(box);
      const script = "cat same; echo more >>text; rm gone; echo x >new; ./no-such; cat new; exit 5";
      const { code, stdout, stderr } = await run("--host", "--audit", "--", "sh", "-c", script);
      expect([code, stdout]).toEqual([5, "same\nx\n"]);
      const lines = stderr.split("\n").filter((line) => !line.includes("no-such"));
      expect(lines[0]).toStartWith("AUDIT of host-");
      expect(lines[1]).toMatch(
        /^time [\d.]+ s, processor [\d.]+ s, memory of the largest process [\d.]+ MB$/,
      );
      const rest = lines.slice(2).join("\n").replaceAll(`${dir}/`, "");
      expect(rest).toMatch(
        /^programs executed:\n {5}2 {2}\/\S*cat\n {5}1 {2}\/\S*rm\n {5}1 {2}\/\S*sh\nfiles written: 3\n {5}D {2}gone\n {5}A {2}new\n {5}C {2}text\n$/,
      );
      expect(existsSync(`${dir}/gone`)).toBe(true);
      const json = JSON.parse(
        (await run("--host", "--audit=json", "--", "sh", "-c", "sleep 0.3; echo x >new")).stderr,
      );
      expect(json.seconds).toBeGreaterThan(0.25);
      expect(json.cpuSeconds).toBeGreaterThanOrEqual(0);
      expect(json.largestProcess).toBeGreaterThan(100_000);
      expect(json.files.map(({ path, kind }: { path: string; kind: string }) => [path, kind])).toEqual([
        [`${dir}/new`, "added"],
      ]);
      // What was kept for the report is gone.
      expect((await box.call(["sandbox", "list", "--quiet"], options)).stdout).toBe("");
    });

    test("--audit: with --keep, --rw, --read-only, another root, a program that is killed or missing", async () => {
      await using box = new Sandbox(subject);
      const { dir, options, run } = world(box);
      const kept = await run("--host", "--audit", "--keep", "try", "--", "sh", "-c", "echo x >new");
      expect(kept.stderr).toContain(`A  ${dir}/new\n`);
      expect((await box.call(["diff", "try"], options)).stdout).toBe(`A ${dir}/new\n`);
      await box.ok(["discard", "try"], options);
      const direct = await run("--host", "--audit", "--rw", dir, "--", "sh", "-c", "echo x >direct");
      expect(direct.stderr).toContain(
        `files written: none\nnot in this list: what was written below ${dir}\n`,
      );
      expect((await run("--host", "--audit", "--read-only", "--", "true")).stderr).toContain(
        "files written: with --read-only nothing of it can be written\n",
      );
      const root = makeRootfs(`${box.dir}/root`, caller);
      const other = await run(
        "--rootfs",
        root,
        "--audit=json",
        "--",
        "sh",
        "-c",
        "rm /etc/hosts; /bin/cat /dev/null; kill -9 $$",
      );
      expect(other.code).toBe(137);
      expect(JSON.parse(other.stderr)).toMatchObject({
        programs: [
          { path: "/bin/cat", count: 1 },
          { path: "/bin/sh", count: 1 },
        ],
        files: [{ path: "/etc/hosts", kind: "deleted" }],
      });
      const missing = await run("--rootfs", root, "--audit", "--", "no-such-program");
      expect([missing.code, missing.stderr.split("\n").length]).toEqual([127, 2]);
      expect((await box.call(["sandbox", "list", "--quiet"], options)).stdout).toBe("");
    });

    test.if(installed("getent"))("--audit: names with --allow-net", async () => {
      await using box = new Sandbox(subject);
      const { run } = world(box);
      const { stderr } = await run(
        "--host",
        "--audit=json",
        "--allow-net",
        "allowed.example",
        "--",
        "getent",
        "ahostsv4",
        "other.example",
      );
      const { names } = JSON.parse(stderr);
      expect(names).toContainEqual(expect.objectContaining({ name: "other.example", verdict: "refused" }));
    });

    test.if(installed("bash"))(
      "--audit: with --allow-net also addresses, each once, with all attempts",
      async () => {
        await using box = new Sandbox(subject);
        const { run } = world(box);
        const script = `for to in 203.0.113.9/443 203.0.113.9/443 ::ffff:203.0.113.9/443 2001:db8::9/80 127.0.0.1/9 198.18.0.1/7; do : <>/dev/tcp/$to; done`;
        const { stderr } = await run(
          ...["--host", "--audit=json", "--allow-net", "203.0.113.7:443", "--", "bash", "-c", script],
        );
        const { names } = JSON.parse(stderr.slice(stderr.indexOf("{")));
        expect(names).toEqual([
          { name: "203.0.113.9", port: 443, verdict: "refused", count: 3 },
          { name: "2001:db8:0:0:0:0:0:9", port: 80, verdict: "refused", count: 1 },
          { name: "198.18.0.1", port: 7, verdict: "refused", count: 1 },
        ]);
      },
    );

    test("--audit: what it does not go with is refused", async () => {
      await using box = new Sandbox(subject);
      for (const [flags, message] of [
        [["--audit", "--detach"], "--audit and --detach exclude each other"],
        [["--audit", "--seccomp-record", "x"], "--audit and --seccomp-record exclude each other"],
        [["--audit=csv"], 'invalid value "csv" for flag --audit'],
      ] as const) {
        const { code, stdout, stderr } = await box.call(["run", "--host", ...flags, "--", "echo", "ran"]);
        expect([code === 0, stdout]).toEqual([false, ""]);
        expect(stderr).toContain(message);
      }
    });
  });
}
