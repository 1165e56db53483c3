/** docs/sandbox.md: its examples are run, one after the other, and print what the page says. */
import { expect, test } from "bun:test";
import { linkSync, readFileSync } from "node:fs";
import { ownedDir } from "./support/caller.ts";
import { makeRootfs } from "./support/rootfs.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { brunPath } from "./support/workspace.ts";

const text = readFileSync(`${import.meta.dir}/../docs/sandbox.md`, "utf8");
const blocks = [...text.matchAll(/^```console\n(.*?)^```$/gms)].map((match) => match[1]!);

/** Commands and what each prints. */
const examples = blocks.flatMap((block) =>
  block
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const end = part.indexOf("\n");
      return { command: part.slice(0, end), output: part.slice(end + 1) };
    }),
);

test("there are examples", () => {
  expect(examples.length).toBeGreaterThan(15);
});

const subject = subjects(["brun"]).find(({ caller }) => caller.name === "user")!;

test("they print what the page says", async () => {
  await using box = new Sandbox(subject);
  const { caller } = subject;
  const home = ownedDir(caller, `${box.dir}/home`);
  ownedDir(caller, `${home}/project`);
  ownedDir(caller, `${home}/.ssh`, 0o700);
  box.file("home/.ssh/id_ed25519", "the key\n", 0o600);
  box.file("home/notes", "to do: nothing\n");
  makeRootfs(ownedDir(caller, `${home}/root`), caller);
  const bin = ownedDir(caller, `${box.dir}/bin`);
  linkSync(brunPath(), `${bin}/brun`);
  const env = {
    ...box.env,
    HOME: home,
    PATH: `${bin}:${box.env.PATH}`,
    XDG_RUNTIME_DIR: box.env.XDG_RUNTIME_DIR!,
  };
  for (const { command, output } of examples) {
    const child = Bun.spawn([...caller.prefix, "sh", "-c", `exec 2>&1; ${command}`], {
      cwd: home,
      env,
      stdin: "ignore",
      stdout: "pipe",
    });
    expect({ command, output: await child.stdout.text() }).toEqual({ command, output });
    await child.exited;
  }
}, 120_000);
