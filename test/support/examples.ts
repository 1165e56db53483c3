/** Examples in the documents: blocks of the language "console". Tests run their commands. */
import { linkSync, readFileSync } from "node:fs";
import type { Caller } from "./caller.ts";
import { ownedDir } from "./caller.ts";
import { makeRootfs } from "./rootfs.ts";
import type { Sandbox } from "./sandbox.ts";
import { brunPath } from "./workspace.ts";

/** A command and its output. */
export interface Example {
  readonly command: string;
  readonly output: string;
}

/** The examples of a page in order. */
export function examplesOf(page: string): Example[] {
  return examplesIn(readFileSync(`${import.meta.dir}/../../${page}`, "utf8"));
}

/** The examples of a text. */
export function examplesIn(text: string): Example[] {
  const blocks = [...text.matchAll(/^```console\n(.*?)^```$/gms)].map((match) => match[1]!);
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const end = part.indexOf("\n");
        return { command: part.slice(0, end), output: part.slice(end + 1) };
      }),
  );
}

/** Fills a home directory: a project, a note, a key, and a root filesystem in `root`. */
function furnish(box: Sandbox, caller: Caller, home: string): void {
  ownedDir(caller, `${home}/project`);
  ownedDir(caller, `${home}/.ssh`, 0o700);
  box.file("home/.ssh/id_ed25519", "the key\n", 0o600);
  box.file("home/notes", "to do: nothing\n");
  makeRootfs(ownedDir(caller, `${home}/root`), caller);
}

/**
 * Makes a home directory, empty or furnished. Returns a function that runs a command there, and returns the
 * command's output.
 */
export function exampleHome(
  box: Sandbox,
  caller: Caller,
  empty = false,
): (command: string) => Promise<string> {
  const home = ownedDir(caller, `${box.dir}/home`);
  if (!empty) furnish(box, caller, home);
  const bin = ownedDir(caller, `${box.dir}/bin`);
  linkSync(brunPath(), `${bin}/brun`);
  const env = { ...box.env, HOME: home, PATH: `${bin}:${box.env.PATH}` };
  return async (command) => {
    const child = Bun.spawn([...caller.prefix, "sh", "-c", `exec 2>&1; ${command}`], {
      cwd: home,
      env,
      stdin: "ignore",
      stdout: "pipe",
    });
    const output = await child.stdout.text();
    await child.exited;
    return output;
  };
}
