/** What programs read of an error: the fields of its JSON line beside `msg`, and its code. */
import { describe, expect, test } from "bun:test";
import { readFileSync, rmSync } from "node:fs";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";

/** The fields of the error that a command logs. */
async function logged(box: Sandbox, args: readonly string[]): Promise<Record<string, unknown>> {
  const log = box.file("log", "");
  await box.call([...args], { globals: ["--log", log, "--log-format", "json"] });
  const { level: _, time: __, ...fields } = JSON.parse(readFileSync(log, "utf8").trim().split("\n").at(-1)!);
  return fields;
}

for (const subject of subjects().filter(({ runtime }) => runtime === "brun")) {
  describe(subject.label, () => {
    test("a mistake in the config: its place is the path, and the file stands in the line", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.process.cwd = "etc";
      });
      const message = 'process.cwd: expected an absolute path but found "etc"';
      expect(await logged(box, ["run", "--bundle", bundle, "x"])).toEqual({
        msg: `${bundle}/config.json: ${message}`,
        message,
        path: "process.cwd",
        code: "ERR_CONFIG",
      });
    });

    test("a step that the kernel refuses: sentence, path and hint are apart", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle((spec) => {
        spec.mounts.push({ destination: "/x", type: "nosuchfs", source: "none" });
      });
      const { msg, message, path, hint, code } = await logged(box, ["run", "--bundle", bundle, "x"]);
      expect([message, code]).toEqual(["cannot mount nosuchfs on /x: no such device (ENODEV)", "ENODEV"]);
      expect(path).toMatch(/^mounts\[\d+\]$/);
      expect(hint).toBe("this kernel does not know the file system nosuchfs, or its module is not loaded");
      expect(msg).toBe(`${path}: ${message}; hint: ${hint}`);
    });

    test("exec keeps the code of a failure, also that of a system call", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      const exec = ["exec", "--cwd", "/", id, "/no/such/program"];
      const message = 'exec: "/no/such/program": no such file or directory';
      // What was typed has no place in a file.
      expect(await logged(box, exec)).toEqual({ msg: message, message, code: "ENOENT" });
      const file = `${box.state}/${id}/exec.json`;
      rmSync(file);
      expect(await logged(box, exec)).toEqual({
        msg: `open ${file}: no such file or directory (ENOENT)`,
        message: `open ${file}: no such file or directory (ENOENT)`,
        code: "ENOENT",
      });
    });

    test("an error without a place or a hint has neither", async () => {
      await using box = new Sandbox(subject);
      const message = 'container "nope": container does not exist';
      const fields = await logged(box, ["kill", "nope"]);
      expect(fields).toMatchObject({ message, code: "ERR_NOT_FOUND" });
      expect(Object.keys(fields)).not.toContain("path");
    });
  });
}
