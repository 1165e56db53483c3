/** `brun unshare`: a command in the user namespace with the caller's mapping. */
import { describe, expect, test } from "bun:test";
import { readlinkSync, statSync } from "node:fs";
import { subordinateRange } from "./support/caller.ts";
import { until } from "./support/processes.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { shows } from "./support/terminal.ts";

for (const subject of subjects(["brun"])) {
  describe(subject.label, () => {
    test("the command is root with the caller's mapping, in a mount namespace of its own", async () => {
      await using box = new Sandbox(subject);
      const { uid } = subject.caller;
      const script = "id -u; cat /proc/self/uid_map; readlink /proc/self/ns/mnt /proc/self/ns/user";
      const [id, own, ...rest] = (await box.ok(["unshare", "--", "sh", "-c", script])).trim().split("\n");
      expect(id).toBe("0");
      expect(own!.trim().split(/\s+/)).toEqual(["0", `${uid}`, "1"]);
      if (uid !== 0) {
        const [first, count] = subordinateRange(subject.caller, "/etc/subuid");
        expect(rest[0]!.trim().split(/\s+/)).toEqual(["1", `${first}`, `${count}`]);
      }
      for (const name of ["mnt", "user"]) {
        expect(rest).not.toContain(readlinkSync(`/proc/self/ns/${name}`));
      }
      await box.untilGone();
    });

    test("directory, environment and exit status are the command's own, signals reach it", async () => {
      await using box = new Sandbox(subject);
      const options = { env: { GREETING: "hello there" } };
      const outcome = await box.call(["unshare", "sh", "-c", 'pwd; echo "$GREETING"; exit 7'], options);
      expect(outcome).toMatchObject({ code: 7, stdout: `${box.dir}\nhello there\n`, stderr: "" });
      const running = box.spawn(["unshare", "--", "sh", "-c", "echo up; exec sleep 1000"]);
      await until("it says something", () => running.stdout() !== "");
      running.kill("SIGTERM");
      expect((await running.done).signal).toBe("SIGTERM");
    });

    test("the command ends with brun, also when that is killed", async () => {
      await using box = new Sandbox(subject);
      const running = box.spawn(["unshare", "--", "sh", "-c", "echo up; exec sleep 1000"]);
      await until("it says something", () => running.stdout() !== "");
      running.kill("SIGKILL");
      expect((await running.done).signal).toBe("SIGKILL");
      await box.untilGone();
    });

    test("Ctrl-C reaches the command once", async () => {
      await using box = new Sandbox(subject);
      const script =
        'trap "n=\\$((n+1)); echo number \\$n" INT; echo up; for i in 1 2 3 4 5 6; do sleep 0.2; done; exit 4';
      await using terminal = box.terminal(["unshare", "--", "sh", "-c", script]);
      await shows(terminal, "up");
      await Bun.sleep(100);
      terminal.write("\x03");
      expect(await terminal.exited).toBe(4);
      expect(terminal.text()).toContain("number 1");
      expect(terminal.text()).not.toContain("number 2");
    });

    test("a command that cannot be executed is one line, and nothing stays", async () => {
      await using box = new Sandbox(subject);
      const missing = await box.call(["unshare", "nosuchprogram"]);
      expect(missing.stderr).toBe('brun: exec: "nosuchprogram": executable file not found in $PATH\n');
      expect(missing.code).toBe(1);
      const refused = await box.call(["unshare", "/etc/passwd"]);
      expect(refused.stderr).toBe('brun: exec: "/etc/passwd": permission denied\n');
      await box.untilGone();
    });

    if (subject.caller.uid === 0) return; // root has no subordinate ids
    test("files of subordinate ids can be made and removed", async () => {
      await using box = new Sandbox(subject);
      await box.ok([
        "unshare",
        "--",
        "sh",
        "-c",
        "mkdir of-others && touch of-others/a && chown -R 5:7 of-others",
      ]);
      const [first] = subordinateRange(subject.caller, "/etc/subuid");
      const { uid } = statSync(`${box.dir}/of-others/a`);
      expect(uid).toBe(first + 4);
      await box.ok(["unshare", "--", "rm", "-rf", "of-others"]);
    });
  });
}
