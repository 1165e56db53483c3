/** A command is the same with `brun run --host` in front of it: stdout, stderr, exit code. */
import { describe, expect, test } from "bun:test";
import { closeSync, lchownSync, openSync, readFileSync, symlinkSync } from "node:fs";
import { isRoot, ownedDir } from "../support/caller.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import { programs } from "./programs.ts";

/** What comes from a shell that waits, and not from the program. */
const OF_A_SHELL =
  /^(Aborted|Alarm clock|File size limit exceeded|Hangup|Killed|Quit|Real-time signal \d+|Segmentation fault|Terminated|User defined signal 1).*\n/gm;

const STDIN = "some words\nto read\n";

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  /** Runs a script without brun, with the same kind of standard streams. */
  async function plainly(box: Sandbox, script: string, env: Record<string, string>, cwd: string) {
    const base = `${box.dir}/${box.name()}`;
    const [out, err] = [openSync(`${base}.out`, "a", 0o666), openSync(`${base}.err`, "a", 0o666)];
    // dash's $? of a program that a signal has ended is what brun's exit code is.
    const around = ["sh", "-c", '"$@"; exit $?', "sh"];
    const argv = [...caller.prefix, ...around, "sh", "-c", script];
    const code = await Bun.spawn(argv, { stdio: [new Blob([STDIN]), out, err], env, cwd }).exited;
    for (const fd of [out, err]) closeSync(fd);
    return { code, stdout: readFileSync(`${base}.out`, "utf8"), stderr: readFileSync(`${base}.err`, "utf8") };
  }

  describe(subject.label, () => {
    test(`${Object.keys(programs).length} programs end and write as they do without brun`, async () => {
      await using box = new Sandbox(subject);
      const work = ownedDir(caller, `${box.dir}/work`);
      box.file("work/file", "in the file\n");
      symlinkSync(work, `${work}/link`);
      if (isRoot) lchownSync(`${work}/link`, caller.uid, caller.gid);
      const env = { ...box.env, "ODD.NAME": "odd", EMPTY: "", LINES2: "one\ntwo" };
      for (const [name, script] of Object.entries(programs)) {
        const plain = await plainly(box, script, env, work);
        const options = { stdin: STDIN, env, cwd: work };
        const { code, stdout, stderr } = await box.call(["run", "--host", "--", "sh", "-c", script], options);
        const said = (text: string) => text.replace(OF_A_SHELL, "");
        expect({ name, code, stdout, stderr: said(stderr) }).toEqual({
          name,
          ...plain,
          stderr: said(plain.stderr),
        });
      }
      await box.untilGone();
    }, 300_000);
  });
}
