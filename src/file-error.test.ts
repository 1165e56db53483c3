import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { errorLine } from "./errors.ts";
import { type FileUse, fileError } from "./file-error.ts";
import { readGiven, withGiven } from "./given-file.ts";
import { E } from "./sys/errno.ts";
import { SysError } from "./sys/error.ts";
import { close, O, open } from "./sys/fs.ts";

const dir = mkdtempSync(`${tmpdir()}/brun-file-error-`);
writeFileSync(`${dir}/file`, "text\n");
mkdirSync(`${dir}/closed`);
writeFileSync(`${dir}/closed/inner`, "");
chmodSync(`${dir}/closed`, 0o000);
afterAll(() => {
  // Only root could remove what is in it otherwise.
  chmodSync(`${dir}/closed`, 0o700);
  rmSync(dir, { recursive: true });
});

describe("a file that a flag names", () => {
  const write = (path: string) => close(open(path, O.WRONLY | O.CREAT, 0o600));
  const line = (use: FileUse, path: string): string => {
    try {
      if (use === "read") readGiven(`--flag ${path}`, path);
      else withGiven(`--flag ${path}`, path, use, write);
      return "";
    } catch (error) {
      return errorLine(error);
    }
  };

  test("that can be had is read", () => expect(readGiven("--flag", `${dir}/file`)).toBe("text\n"));

  test.each([
    ["read", "/a/b", "no such file or directory (ENOENT); hint: there is no @/a"],
    ["read", "/none", "no such file or directory (ENOENT); hint: there is no @/none"],
    ["read", "", "is a directory (EISDIR); hint: name a file"],
    ["read", "/file/x", "not a directory (ENOTDIR); hint: not all of @/file are directories"],
    ["written", "/a/b", "no such file or directory (ENOENT); hint: make its directory: mkdir -p @/a"],
    ["written", "", "is a directory (EISDIR); hint: name a file in it, such as @/brun.log"],
  ] as const)("%s %j: %s", (use, name, why) => {
    const path = `${dir}${name}`;
    expect(line(use, path)).toBe(`--flag ${path} cannot be ${use}: ${why.replaceAll("@", dir)}`);
  });

  test("a relative one is looked for in the current directory", () => {
    expect(line("read", "no/such")).toEndWith(`; hint: it is looked for in ${process.cwd()}`);
  });

  test("one that may not be opened: whose it is", () => {
    const refused = (path: string) =>
      errorLine(fileError("--flag", path, "read", new SysError(`open ${path}`, E.EACCES)));
    const uid = process.geteuid!();
    const closed = uid === 0 ? `${dir}/closed/inner` : `${dir}/closed`;
    const mode = uid === 0 ? "0644" : "0000";
    expect(refused(`${dir}/closed/inner`)).toBe(
      `--flag cannot be read: permission denied (EACCES); hint: ${closed} belongs to uid ${uid} and has mode ${mode}; ` +
        `choose a file that uid ${uid} may read`,
    );
  });

  test("other errors pass", () => {
    const other = new Error("x");
    expect(fileError("--flag", "/", "read", other)).toBe(other);
  });
});
