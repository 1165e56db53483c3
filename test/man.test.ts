/** The manual pages, as man shows them. */
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { commands } from "../src/cli/main.ts";
import { host, installed } from "./support/caller.ts";
import { workspace } from "./support/workspace.ts";

const made = `${workspace()}/reference`;
const dir = `${made}/man`;
host(process.execPath, `${import.meta.dir}/../scripts/reference.ts`, made);
const pages = readdirSync(dir);

test("there is one for brun and one for each command", async () => {
  const shown = (await Promise.all(Object.values(commands).map((load) => load([])))).filter(
    ({ meta }) => meta.hidden !== true,
  );
  expect(pages.sort()).toEqual(["brun.1", ...shown.map(({ meta }) => `brun-${meta.name}.1`)].sort());
});

describe.if(installed("man") && installed("groff"))("man -l", () => {
  test.each(pages)("%s is shown without warnings, with its flags", (page) => {
    const { stdout, stderr, exitCode } = Bun.spawnSync(["man", "--warnings=w", "-l", `${dir}/${page}`], {
      env: {
        PATH: process.env.PATH,
        MANWIDTH: "80",
        LC_ALL: "C.UTF-8",
        MAN_KEEP_FORMATTING: "",
        PAGER: "cat",
      },
    });
    expect([exitCode, stderr.toString()]).toEqual([0, ""]);
    const text = stdout.toString();
    for (const section of ["NAME", "SYNOPSIS", "DESCRIPTION", "FLAGS", "SEE ALSO"])
      expect(text).toContain(section);
    expect(text).toMatch(/--help, -h\s+show this text/);
    expect(text).not.toMatch(/\\|undefined/);
  });
});
