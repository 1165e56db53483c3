/** `--seccomp-record` and `brun seccomp record`: the profile of what a program calls runs it again. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { ownedDir } from "./support/caller.ts";
import { until } from "./support/processes.ts";
import { makeRootfs } from "./support/rootfs.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";

/** A little of everything that a test suite does. */
const SUITE = `
set -e
mkdir -p /tmp/t && cd /tmp/t && seq 2000 >numbers && sort -r numbers | head -n 1
mkfifo pipe && (echo through >pipe &) && cat pipe
ln -s numbers link && cp link copy && chmod 600 copy && mv copy moved && rm moved && ls
(sleep 0.05; exit 4) & wait $! || echo ended $?
trap 'echo caught' USR1; kill -USR1 $$; id -u; exit 7
`;

interface Profile {
  readonly defaultAction: string;
  readonly syscalls: { readonly names: string[]; readonly action: string }[];
}

const read = (file: string): Profile => JSON.parse(readFileSync(file, "utf8"));
const allowed = (file: string): string[] =>
  read(file).syscalls.flatMap(({ names, action }) => (action === "SCMP_ACT_ALLOW" ? names : []));

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  describe(subject.label, () => {
    test("--seccomp-record: the suite runs with the profile unchanged, and another program does not", async () => {
      await using box = new Sandbox(subject);
      const root = makeRootfs(ownedDir(caller, `${box.dir}/root`), caller);
      const file = `${ownedDir(caller, `${box.dir}/out`)}/profile.json`;
      const run = (flags: string[], ...program: string[]) =>
        box.call(["run", "--rootfs", root, ...flags, "--", ...program]);
      const plain = await run([], "sh", "-c", SUITE);
      expect(plain).toMatchObject({ code: 7, stderr: "" });
      expect(await run(["--seccomp-record", file], "sh", "-c", SUITE)).toEqual(plain);
      expect(read(file).defaultAction).toBe("SCMP_ACT_ERRNO");
      const again = [`--security-opt=seccomp=${file}`];
      for (let i = 0; i < 3; i++) expect(await run(again, "sh", "-c", SUITE)).toEqual(plain);
      expect(allowed(file)).not.toContain("sethostname");
      expect(allowed(file)).not.toContain("chroot");
      expect((await run(again, "chroot", "/", "true")).code).not.toBe(0);
      // Another run adds what it does, and takes nothing away; one under the profile records within it.
      expect((await run([...again, "--seccomp-record", file], "chroot", "/", "true")).code).not.toBe(0);
      expect(allowed(file)).not.toContain("chroot");
      expect((await run(["--seccomp-record", file], "chroot", "/", "true")).code).toBe(0);
      for (const program of [
        ["chroot", "/", "true"],
        ["sh", "-c", SUITE],
      ]) {
        expect((await run(again, ...program)).code).toBe(program[0] === "sh" ? 7 : 0);
      }
    });

    test("--seccomp-record: without a filter, of --host and --fake-root, and of what exec starts", async () => {
      await using box = new Sandbox(subject);
      const file = `${ownedDir(caller, `${box.dir}/out`)}/profile.json`;
      const id = box.name();
      const flags = ["--seccomp-record", file, "--security-opt", "seccomp=unconfined"];
      await box.ok(["run", "--host", ...flags, "-d", "--name", id, "--", "sleep", "100"]);
      await box.ok(["exec", id, "chroot", "--version"]);
      await box.ok(["exec", id, "mkfifo", "/tmp/pipe-of-exec"]);
      await box.ok(["delete", "--force", id]);
      expect(read(file).defaultAction).toBe("SCMP_ACT_ERRNO");
      expect(allowed(file)).toContain("clock_nanosleep");
      expect(allowed(file).some((name) => name.startsWith("mknod"))).toBe(true);
      if (caller.uid === 0) return;
      const fake = ["run", "--host", "--fake-root", "--seccomp-record", file, "--", "sh", "-c"];
      expect(await box.ok([...fake, "chown 1 /tmp && echo done"])).toBe("done\n");
      const rules = read(file).syscalls.filter(({ names }) => names.includes("fchownat"));
      expect(rules).toMatchObject([{ action: "SCMP_ACT_ERRNO", errnoRet: 0 }]);
    });

    test("brun seccomp record: a bundle, with a filter of its own and without", async () => {
      await using box = new Sandbox(subject);
      const file = `${ownedDir(caller, `${box.dir}/out`)}/profile.json`;
      for (const seccomp of [
        undefined,
        {
          defaultAction: "SCMP_ACT_ALLOW",
          syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 30 }],
        },
      ]) {
        const dir = box.bundle((spec) => {
          spec.process.args = ["/bin/sh", "-c", "mkdir /tmp/x; echo $?; rmdir /tmp/x; seq 3 | sort -r"];
          if (seccomp !== undefined) spec.linux.seccomp = seccomp;
        });
        const recorded = await box.call(["seccomp", "record", "--bundle", dir, "-o", file, box.name()]);
        expect(recorded).toMatchObject({ code: 0, stdout: `${seccomp === undefined ? 0 : 1}\n3\n2\n1\n` });
        const config = `${dir}/config.json`;
        const spec = JSON.parse(readFileSync(config, "utf8"));
        spec.linux.seccomp = read(file);
        writeFileSync(config, JSON.stringify(spec));
        expect(await box.call(["run", "--bundle", dir, box.name()])).toEqual(recorded);
      }
    });

    test("--seccomp-record: what cannot be done is said before anything runs", async () => {
      await using box = new Sandbox(subject);
      const out = ownedDir(caller, `${box.dir}/out`);
      writeFileSync(`${out}/notes`, "precious\n");
      writeFileSync(
        `${out}/agent.json`,
        '{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/a","syscalls":[{"names":["bind"],"action":"SCMP_ACT_NOTIFY"}]}',
      );
      for (const [flags, message] of [
        [["--seccomp-record", `${out}/missing/x`], "cannot be written"],
        [["--seccomp-record", `${out}/notes`], "is no profile that could be added to"],
        [
          ["--seccomp-record", `${out}/x`, "--security-opt", `seccomp=${out}/agent.json`],
          "it has an agent of its own",
        ],
      ] as const) {
        const { code, stdout, stderr } = await box.call(["run", "--host", ...flags, "--", "echo", "ran"]);
        expect([code, stdout, stderr.split("\n").length]).toEqual([1, "", 2]);
        expect(stderr).toContain(message);
      }
      expect(readFileSync(`${out}/notes`, "utf8")).toBe("precious\n");
      // A program that is not there has done nothing.
      const missing = await box.call([
        "run",
        "--host",
        "--seccomp-record",
        `${out}/x`,
        "--",
        "no-such-program",
      ]);
      expect(missing.code).toBe(127);
      expect(existsSync(`${out}/x`)).toBe(false);
    });

    test("--seccomp-record: brun is killed, and nothing of it stays", async () => {
      await using box = new Sandbox(subject);
      const file = `${ownedDir(caller, `${box.dir}/out`)}/profile.json`;
      const id = box.name();
      const running = box.spawn([
        "run",
        "--host",
        "--seccomp-record",
        file,
        "--name",
        id,
        "--",
        "sh",
        "-c",
        "echo up; sleep 100",
      ]);
      await until("it runs", () => running.stdout() === "up\n");
      process.kill(running.pid, "SIGKILL");
      await running.done;
      await box.ok(["delete", "--force", id]);
      expect(allowed(file)).toContain("execve");
    });
  });
}
