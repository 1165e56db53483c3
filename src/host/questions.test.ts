/**
 * Code that compiles a config asks the host only by the questions of ask.ts, whose answers are kept. A fact from
 * another source would not be in a cached plan's guard. The recorder notices that at run time (recorder.ts), and
 * this test before.
 */
import { expect, test } from "bun:test";
import { dirname, relative, resolve } from "node:path";
import { Glob } from "bun";

const root = resolve(import.meta.dir, "../..");

/** Code that compiles. */
const COMPILES = [
  "src/config/**",
  "src/init/**",
  "src/sandbox/**",
  "src/spec/**",
  "src/image/{ids,ready,stored}",
  "src/cli/sandbox-machine",
  "src/seccomp/{compile,flags}",
  "src/container/host/{facts,filter,kernel-mounts,lacking-calls,security-modules}",
  "src/container/io/listen-fds",
  "src/container/lifecycle/decide",
  "rootless/{caller,default-ids,find-helper,idmap,subid,validate}",
];

/** Files that act for a container or a test, and decide nothing that is in a plan. */
const ACTS: Readonly<Record<string, string>> = {
  "src/sandbox/audit/hear.ts": "the agent of --audit",
  "src/sandbox/audit/report.ts": "a hook: tells at the end what was done",
  "src/sandbox/connect.ts": "hooks: starts pasta and slirp4netns",
  "src/sandbox/fuse.ts": "hooks: mounts by fuse-overlayfs",
  "src/sandbox/landlock.ts": "restricts this process",
  "src/sandbox/shown-file.ts": "makes files that containers are shown",
  "src/sandbox/taken-names.ts": "takes names for as long as a container lives",
  "src/sandbox/upper.ts": "makes the directories of --upper",
  "src/sandbox/upper-lock.ts": "locks the directory of --upper",
};

/** Modules of src/sys that ask nothing. */
const PURE = new Set([
  "constants",
  "errno",
  "errno-numbers",
  "error",
  "lazy",
  "lists",
  "members",
  "mountinfo",
  "syscalls",
  "utf8",
]);

/**
 * Names in other modules that ask nothing. `absolute` asks for the current directory if a path is relative, which
 * the recorder notices.
 */
const NAMES: Readonly<Record<string, RegExp>> = {
  fs: /^(absolute|below|O|S|Stat|[A-Z]+_OK|AT_\w+)$/,
  poll: /^POLL\w+$/,
  spawn: /^run$/, // of getsubids, which makes the plan uncacheable
};

/** The names that a file imports from src/sys, by module. */
function importsOf(path: string, text: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [, names, from] of text.matchAll(/^(?:import|export) (type [^;]*?|[^;]*?) from "([^"]+)";/gms)) {
    const module = relative(`${root}/src/sys`, resolve(dirname(path), from!));
    if (!from!.startsWith(".") || module.startsWith("..") || names!.startsWith("type ")) continue;
    const list = names!.replace(/[{}]/g, "").split(",");
    const values = list.map((name) => name.trim()).filter((name) => name !== "" && !name.startsWith("type "));
    found.set(module.replace(/\.ts$/, ""), values);
  }
  return found;
}

const files = COMPILES.flatMap((pattern) => [...new Glob(`${pattern}.ts`).scanSync({ cwd: root })]).filter(
  (path) => !/\.test\.ts$|\/testing\/|\.write\.ts$/.test(path) && !(path in ACTS),
);

test("each of the names is that of code that is there", () => {
  const names = COMPILES.flatMap((pattern) => {
    const [, before, list, after] = /^(.*)\{(.*)\}(.*)$/.exec(pattern) ?? ["", pattern, "", ""];
    return list!.split(",").map((name) => `${before}${name}${after}.ts`);
  });
  expect(names.filter((name) => [...new Glob(name).scanSync({ cwd: root })].length === 0)).toEqual([]);
  for (const path of Object.keys(ACTS))
    expect([path, [...new Glob(path).scanSync({ cwd: root })]]).toEqual([path, [path]]);
});

test.each(files)("%s asks by questions alone", async (path) => {
  const text = await Bun.file(`${root}/${path}`).text();
  const asks: string[] = [];
  for (const [module, names] of importsOf(`${root}/${path}`, text)) {
    if (PURE.has(module)) continue;
    for (const name of names) if (NAMES[module]?.test(name) !== true) asks.push(`${module}: ${name}`);
  }
  if (/\brequire\("[^"]*\/sys\//.test(text)) asks.push("require of src/sys");
  // The spec has a `process` of its own, which has some members of these names.
  for (const [member] of text.matchAll(
    /\bprocess\.(argv|get\w+\(|get\w+\?|execPath|p?pid|umask|cwd\(|env\.)|\bBun\.(env|file|spawn|which|write)|"node:\w+/g,
  ))
    asks.push(member);
  expect(asks).toEqual([]);
});
