/**
 * What depends on the kernel's version: Debian's is older than 6.15, where a detached mount cannot be cloned, and has an older
 * landlock.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, statSync } from "node:fs";
import { landlockAbi } from "../../src/sandbox/landlock.ts";
import { lacksOf } from "../../src/sandbox/landlock-rules.ts";
import { ownedDir, testUser } from "../support/caller.ts";
import { PlacedSandbox, place } from "./place.ts";

const here = place();
if (here !== undefined) {
  describe(`an older kernel at ${here.name}`, () => {
    test("every masked directory is an empty read-only one, files are empty", async () => {
      await using box = new PlacedSandbox(here);
      const directories = ["/one", "/two", "/three/deep"];
      const script = `for d in ${directories.join(" ")}; do
        ls -A $d | wc -l; touch $d/x 2>/dev/null || echo read-only; done; wc -c </etc/passwd; wc -c </etc/group`;
      const { stdout, stderr } = await box.sh(script, (spec) => {
        for (const destination of directories) {
          spec.mounts.push({ destination, type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"] });
        }
        spec.linux.maskedPaths = [...directories, "/etc/passwd", "/etc/group", "/not/there"];
      });
      expect(stderr).toBe("");
      expect(stdout).toBe(`${"0\nread-only\n".repeat(3)}0\n0\n`);
    });

    test.if(here.user)(
      "--landlock protects what this version can, and lacks exactly what it says",
      async () => {
        await using box = new PlacedSandbox(here);
        const abi = landlockAbi();
        const lacks = lacksOf(abi);
        expect([abi > 0, lacks.length]).toEqual([true, abi < 2 ? 3 : abi < 3 ? 2 : abi < 6 ? 1 : 0]);
        const home = ownedDir(testUser(), `${testUser().home}/${box.name()}`);
        const cwd = ownedDir(testUser(), `${home}/project`);
        await Promise.all([".netrc", "file"].map((name) => Bun.write(`${home}/${name}`, "the key\n")));
        const outside = Bun.spawn(["sleep", "100"], { stdin: "ignore" });
        using _ = { [Symbol.dispose]: () => outside.kill("SIGKILL") };
        const script = `cat ../.netrc || echo hidden; echo x >../file || echo refused; echo in >in
        perl -e 'truncate("../file", 0)'; kill $1; socket=$(perl -MSocket -e 'socket(S, PF_UNIX, SOCK_STREAM, 0) and print 1'); echo "socket$socket"`;
        const flags = ["run", "--host", "--landlock"];
        const run = (...words: string[]) => box.call([...flags, ...words], { cwd, env: { HOME: home } });
        const { stdout, stderr, code } = await run("--", "sh", "-c", script, "sh", `${outside.pid}`);
        expect([stdout, code]).toEqual(["hidden\nrefused\nsocket\n", 0]);
        const told = stderr.split("\n").filter((line) => line.startsWith("brun: "));
        expect(told).toEqual(
          lacks.map((lack) => `brun: warning: landlock of this kernel (ABI ${abi}) lacks something: ${lack}`),
        );
        expect(existsSync(`${cwd}/in`)).toBe(true);
        const truncated = statSync(`${home}/file`).size === 0;
        const signalled = await Promise.race([
          outside.exited.then(() => true),
          Bun.sleep(500).then(() => false),
        ]);
        expect({ truncated, signalled }).toEqual({
          truncated: lacks.some((lack) => lack.includes("truncate")),
          signalled: lacks.some((lack) => lack.includes("signalled")),
        });
        const port = await run("--connect-port", "443", "--", "true");
        if (abi < 4) expect(port.stderr).toContain(`this kernel's landlock (ABI ${abi}) knows no ports`);
        else expect(port.code).toBe(0);
        expect((await box.call(["doctor"])).stdout).toMatch(new RegExp(`landlock +ABI ${abi}`));
      },
    );
  });
}
