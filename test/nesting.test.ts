/** brun in brun: `--allow-nesting`, what works inside, and what is said without it. */
import { describe, expect, test } from "bun:test";
import { installed } from "./support/caller.ts";
import { makeRootfs } from "./support/rootfs.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { brunPath } from "./support/workspace.ts";

/** What a program of the host needs in a root file system that has busybox alone. */
const LIBRARIES = ["-v", "/usr/lib:/lib:ro", "-v", "/usr/lib64:/lib64:ro"];

for (const subject of subjects(["brun"])) {
  const { caller } = subject;
  const brun = brunPath();
  const NEST = ["run", "--host", "--allow-nesting", "--"];
  // Root's program could change the machine by an unmasked /proc: there the outer one does, and brun says so.
  const said = caller.uid === 0 ? /^(brun: warning: [^\n]*bind the outer \/proc[^\n]*\n)?$/ : /^$/;

  describe(subject.label, () => {
    test("--host in --host, three deep, with a /proc of its own as a user", async () => {
      await using box = new Sandbox(subject);
      const script = "echo $$; cd; id -u; grep -c Seccomp_filters:.3 /proc/self/status";
      const inner = ["run", "--host", "--", "sh", "-c"];
      const two = await box.call([...NEST, brun, ...inner, "echo x >$HOME/x; cat $HOME/x"]);
      expect(two).toMatchObject({ code: 0, stdout: "x\n", stderr: expect.stringMatching(said) });
      const { code, stdout, stderr } = await box.call([...NEST, brun, ...NEST, brun, ...inner, script]);
      expect({ code, stdout: stdout.replace(/^\d+/, "pid") }).toEqual({
        code: 0,
        stdout: `pid\n${caller.uid}\n1\n`,
      });
      if (caller.uid !== 0) expect(stdout).toStartWith("2\n");
      // Two overlays are over each other by then.
      expect(stderr).toMatch(
        /^brun: warning: cannot mount overlay [^\n]* no third overlay over two: [^\n]* read-only/m,
      );
    });

    test("--rootfs in --rootfs", async () => {
      await using box = new Sandbox(subject);
      const root = makeRootfs(`${box.dir}/outer`, caller);
      makeRootfs(`${root}/home/inner`, caller);
      const script = "id -u; echo x > /made; cat /made";
      const inner = ["/brun", "run", "--rootfs", "/home/inner", "--", "sh", "-c", script];
      const argv = [
        "run",
        "--rootfs",
        root,
        "--allow-nesting",
        ...LIBRARIES,
        "-v",
        `${brun}:/brun:ro`,
        "--",
        ...inner,
      ];
      expect(await box.call(argv)).toMatchObject({
        code: 0,
        stdout: "0\nx\n",
        stderr: expect.stringMatching(said),
      });
    });

    test("a bundle, its exec and delete in --host", async () => {
      await using box = new Sandbox(subject);
      const script = `mkdir b && cd b && ${brun} spec && ln -s ${makeRootfs(`${box.dir}/root`, caller)} rootfs &&
        sed -i 's/"terminal": true/"terminal": false/; s/"sh"/"sleep", "60"/' config.json &&
        ${brun} run -d x </dev/null >/dev/null && ${brun} exec x echo ran && ${brun} delete -f x`;
      const outcome = await box.call([...NEST, "sh", "-c", script], { cwd: box.dir });
      expect(outcome).toMatchObject({ code: 0, stdout: "ran\n" });
    });

    test.skipIf(!installed("bwrap"))("bubblewrap in --host", async () => {
      await using box = new Sandbox(subject);
      // A new procfs for bwrap, too, but for root, whose /proc is masked.
      const proc = caller.uid === 0 ? [] : ["--proc", "/proc"];
      const bwrap = ["bwrap", "--bind", "/", "/", ...proc, "--unshare-all", "echo", "ran"];
      expect(await box.call([...NEST, ...bwrap])).toMatchObject({ code: 0, stdout: "ran\n", stderr: "" });
    });

    test("without it: run and doctor name the flag, explain says what the filter does", async () => {
      await using box = new Sandbox(subject);
      const hint = "start the outer brun with --allow-nesting";
      const run = await box.call(["run", "--host", "--", brun, "run", "--host", "--", "true"]);
      expect(`${run.code} ${run.stderr}`).toMatch(
        /^1 brun: cannot create a user namespace: EPERM: [^\n]*\n$/,
      );
      expect(run.stderr).toContain(hint);
      const doctor = await box.call(["run", "--host", "--", brun, "doctor"]);
      expect(doctor.code).toBe(2);
      expect(doctor.stdout).toContain(hint);
      expect(await box.ok(["explain", "--host", "--", "true"])).toContain(
        "keeps the program from making namespaces",
      );
      const explained = await box.ok(["explain", "--host", "--allow-nesting", "--", "true"]);
      expect(explained).toContain("lets the program make namespaces");
      expect(explained.includes("mask /proc/kcore")).toBe(caller.uid === 0);
    });
  });
}
