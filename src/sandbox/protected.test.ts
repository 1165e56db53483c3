/** Tests which files --rw leaves read-only, and which missing names it takes. */
import { describe, expect, test } from "bun:test";
import type { SandboxOptions } from "./options.ts";
import { protect } from "./protected.ts";
import { fixtureView, hostSandbox, mountOn } from "./testing/fixture.ts";
import type { Entry, HostView } from "./view.ts";

const entry = (type: Entry["type"], mode = 0o755, size = 0): Entry => ({
  type,
  uid: 1000,
  gid: 1000,
  mode,
  size,
});
const directory = entry("dir");
const file = entry("file", 0o644, 10);
const P = "/home/dev/project";
const repository = {
  [`${P}/.git`]: directory,
  [`${P}/.git/config`]: file,
  [`${P}/.git/hooks`]: directory,
};

const names = (sandbox: ReturnType<typeof hostSandbox>) =>
  sandbox.protection.taken.map(({ directory: path, name, kind }) => `${path}/${name} ${kind}`);

describe("--rw", () => {
  test("what is there is bound onto itself, read-only, and what is on the way to it stays", () => {
    const sandbox = hostSandbox({ rw: [P] }, { files: { ...repository, [`${P}/.vscode`]: directory } });
    for (const path of [".git/config", ".git/hooks", ".vscode"]) {
      const mount = mountOn(sandbox, `${P}/${path}`);
      expect([path, mount?.source]).toEqual([path, `${P}/${path}`]);
      expect(mount?.options).toContain("ro");
    }
    expect(mountOn(sandbox, `${P}/.git`)?.options).not.toContain("ro");
    expect(sandbox.protection.files).toEqual([`${P}/.vscode`, `${P}/.git/config`, `${P}/.git/hooks`]);
  });

  test("names that are missing are taken: in a repository by what git passes over, elsewhere by links", () => {
    const tail = [`${P}/.idea directory`, `${P}/.claude directory`, `${P}/.husky directory`];
    expect(names(hostSandbox({ rw: [P] }, { files: repository }))).toEqual([
      `${P}/.gitmodules socket`,
      `${P}/.envrc socket`,
      `${P}/.mcp.json socket`,
      `${P}/.vscode directory`,
      ...tail,
      `${P}/.git/commondir commondir`,
    ]);
    expect(names(hostSandbox({ rw: [P] }))).toContain(`${P}/.envrc link`);
    expect(names(hostSandbox({ rw: [P] }))).toContain(`${P}/.git directory`);
    const home = names(hostSandbox({ rw: ["/home/dev"] }));
    expect(home).toContain("/home/dev/.bashrc link");
    expect(home).toContain("/home/dev/.config directory");
    expect(names(hostSandbox({ rw: [P] })).join()).not.toContain(".bashrc");
  });

  test("no name is taken where nobody inside can make it; where a subordinate id owns the directory, it is", () => {
    const owned = (uid: number) => ({ [P]: { ...directory, uid } });
    expect(names(hostSandbox({ rw: [P] }, { files: owned(0) }))).toEqual([]);
    expect(names(hostSandbox({ rw: [P] }, { files: owned(1000) }))).toContain(`${P}/.envrc link`);
    expect(names(hostSandbox({ rw: [P] }, { files: owned(100_005) }))).toContain(`${P}/.envrc link`);
  });

  test("--rw-all protects nothing; a --rw or a volume of the path itself lies over it", () => {
    expect(hostSandbox({ rw: [P], rwAll: true }, { files: repository }).protection).toMatchObject({
      taken: [],
      files: [],
    });
    const files = { ...repository, [`${P}/.vscode`]: directory };
    for (const flags of [{ rw: [P, `${P}/.vscode`] }, { rw: [P], volume: [`${P}/.vscode`] }])
      expect(mountOn(hostSandbox(flags, { files }), `${P}/.vscode`)?.options).not.toContain("ro");
  });

  test("a repository elsewhere, work trees, submodules, includes and hooks that its config names", () => {
    const texts = {
      [`${P}/.git/config`]: '[core]\n\thooksPath = scripts/hooks\n[include]\n\tpath = "../shared.config"\n',
      [`${P}/shared.config`]:
        "[include]\n\tpath = more/config\n\tpath = ~/project/of-home\n\tpath = shared.config\n",
      [`${P}/tree/.git`]: `gitdir: ../.git/worktrees/tree\n`,
      [`${P}/.git/worktrees/tree/commondir`]: "../..\n",
    };
    const files = {
      ...repository,
      [`${P}/scripts`]: directory,
      [`${P}/scripts/hooks`]: directory,
      [`${P}/shared.config`]: file,
      [`${P}/of-home`]: file,
      [`${P}/more`]: directory,
      [`${P}/more/config`]: file,
      [`${P}/tree`]: directory,
      [`${P}/tree/.git`]: file,
      [`${P}/.git/worktrees`]: directory,
      [`${P}/.git/worktrees/tree`]: directory,
      [`${P}/.git/worktrees/tree/commondir`]: file,
      [`${P}/.git/modules`]: directory,
      [`${P}/.git/modules/a`]: directory,
      [`${P}/.git/modules/a/b`]: directory,
      [`${P}/.git/modules/a/b/HEAD`]: file,
      [`${P}/.git/modules/a/b/config`]: file,
    };
    const { protection } = hostSandbox({ rw: [P] }, { files, texts });
    for (const path of [
      "scripts/hooks",
      "shared.config",
      "more/config",
      "of-home",
      ".git/worktrees/tree/commondir",
      ".git/modules/a/b/config",
    ])
      expect(protection.files).toContain(`${P}/${path}`);
    // The work tree leads to a repository, which counts if it is writable, too.
    const outside = hostSandbox({ rw: [`${P}/tree`] }, { files, texts });
    expect(outside.protection.files).toContain(`${P}/tree/.git`);
    const both = hostSandbox({ rw: [`${P}/tree`, `${P}/.git`] }, { files, texts });
    expect(both.protection.files).toContain(`${P}/.git/config`);
  });

  test("what the user's and the machine's git config include or name as hooks, and what a home's links lead to", () => {
    const at = (path: string) => `${P}/${path}`;
    const links = {
      "/home/dev/.gitconfig": "project/dot/gitconfig",
      "/home/dev/.bashrc": "project/dot/bashrc",
      "/home/dev/.config/fish": "../project/dot/fish",
      "/home/dev/.profile": "elsewhere",
    };
    const texts = {
      "/etc/gitconfig": `[include] path = "${P}/system"\n`,
      [at("dot/gitconfig")]:
        '[core] ; hooks\n hooksPath = scripts/hooks # of each repository\n[includeIf "gitdir:~/"]\n path = ~/project/own\n',
      [at("own")]: "[include]\n path = x/../of-own\n path = nowhere/../own\n",
      "/home/dev/xdg/git/config": `[include]\n path = ${P}/of-xdg\n`,
      "/srv/global": `[include]\n path = ${P}/of-global\n`,
    };
    const there = "dot/gitconfig dot/bashrc system own of-own of-xdg of-global".split(" ");
    const files = Object.fromEntries([
      ...there.map((name) => [at(name), file]),
      ...["x", "dot", "dot/fish", "scripts", "scripts/hooks"].map((name) => [at(name), directory]),
      ["/home/dev/.config", directory],
      ...["/etc/gitconfig", "/home/dev/xdg/git/config", "/srv/global"].map((path) => [path, file]),
    ]);
    const environment = {
      HOME: "/home/dev",
      XDG_CONFIG_HOME: "/home/dev/xdg",
      GIT_CONFIG_GLOBAL: "/srv/global",
    };
    const fixture = { files: { ...repository, ...files }, texts, links, view: { environment } };
    const { protection } = hostSandbox({ rw: [P] }, fixture);
    for (const name of [...there, "dot/fish", "scripts/hooks"]) expect(protection.files).toContain(at(name));
    // Of a path whose first directories are missing, only the first one is taken.
    const include = { "/etc/gitconfig": `[include]\n path = ${P}/a/b/c\n` };
    const deep = hostSandbox({ rw: [P] }, { files: { "/etc/gitconfig": file }, texts: include });
    expect(names(deep)).toContain(`${P}/a directory`);
    expect(mountOn(deep, `${P}/a/b`)).toBeUndefined();
    // Nothing outside of --rw is touched.
    expect([...protection.files, ...protection.taken.map((one) => one.directory)].join("\n")).not.toMatch(
      /^(?!\/home\/dev\/project)/m,
    );
  });

  test("programs that a git config names, in all forms of its syntax", () => {
    const config = String.raw`[core] fsmonitor = ./monitor.sh ; a comment
[core]
	sshCommand = "ssh -F \"tools/ssh config\""
	pager = less
	editor = tools/none
[filter "x"]
	clean = python3 \
tools/clean.py --fast
	smudge = tools/none-either.sh %f
	required = true
[alias]
	st = status a
	deploy = "!sh run.sh && ./more.sh"
[pager]
	log = ${P}/tools/log
[include] path = ../included
[commit]
	template = a
`;
    const texts = {
      [`${P}/.git/config`]: config,
      [`${P}/.git/modules/sub/config`]: "[core]\nworktree = ../../../sub\nfsmonitor = ./monitor\n",
      [`${P}/included`]: "[credential]\nhelper = !~/project/helper get\n",
    };
    const present =
      "monitor.sh run.sh more.sh a less included helper tools/clean.py tools/log tools/ssh".split(" ");
    const files = {
      ...repository,
      [`${P}/tools`]: directory,
      [`${P}/sub`]: directory,
      [`${P}/sub/monitor`]: file,
      [`${P}/.git/modules`]: directory,
      [`${P}/.git/modules/sub`]: directory,
      [`${P}/.git/modules/sub/HEAD`]: file,
      [`${P}/.git/modules/sub/config`]: file,
      ...Object.fromEntries(present.map((name) => [`${P}/${name}`, file])),
    };
    const { protection } = hostSandbox({ rw: [P] }, { files, texts });
    const found = protection.files.map((path) => path.slice(P.length + 1)).sort();
    const named = present.filter((name) => !["a", "less"].includes(name));
    expect(found).toEqual(
      [".git/config", ".git/hooks", ".git/modules/sub/config", "sub/monitor", ...named].sort(),
    );
    const taken = protection.taken.map(({ directory: path, name, kind }) => `${path}/${name} ${kind}`);
    for (const name of ["tools/none", "tools/none-either.sh"]) expect(taken).toContain(`${P}/${name} socket`);
    expect(protection.taken.filter(({ directory: path }) => path === `${P}/tools`)).toHaveLength(2);
  });

  test("a repository with more than brun looks through is refused, with the number", () => {
    const modules = `${P}/.git/modules`;
    const many = (count: number, path: (i: number) => readonly string[]) => () => {
      const paths = Array.from({ length: count }, (_, i) => path(i)).flat();
      const files = Object.fromEntries(paths.map((name) => [name, directory]));
      hostSandbox({ rw: [P] }, { files: { ...repository, [modules]: directory, ...files } });
    };
    expect(many(256, (i) => [`${modules}/${i}`])).toThrow(
      `${modules} has more than the 256 entries in which brun looks for submodules`,
    );
    expect(many(65, (i) => [`${modules}/${i}`, `${modules}/${i}/HEAD`])).toThrow(
      `${modules} has more submodules than the 64 that brun protects`,
    );
    const worktrees = `${P}/.git/worktrees`;
    expect(many(65, (i) => [worktrees, `${worktrees}/${i}`])).toThrow(
      `${worktrees} has 65 entries, and brun protects 64 at most`,
    );
    many(64, (i) => [`${modules}/${i}`, `${modules}/${i}/HEAD`])();
  });

  test("what a killed brun has left is known, and what only looks like it is not", () => {
    const files = {
      ...repository,
      [`${P}/.envrc`]: entry("socket", 0),
      [`${P}/.mcp.json`]: entry("socket", 0o755),
      [`${P}/.vscode`]: entry("dir", 0o1755),
      [`${P}/.idea`]: directory,
    };
    const found = names(hostSandbox({ rw: [P] }, { files }));
    expect(found).toContain(`${P}/.envrc socket`);
    expect(found).toContain(`${P}/.vscode directory`);
    expect(found.join()).not.toMatch(/mcp|idea/);
  });

  test("nothing is searched: no directory is listed but those that git keeps work trees and submodules in", () => {
    const listed: string[] = [];
    const view: HostView = fixtureView({ files: repository });
    const watched = {
      ...view,
      list: (path: string) => {
        listed.push(path);
        return view.list(path);
      },
    };
    const mount = { destination: P, source: P, type: "bind", options: ["rbind"] };
    protect([{ mount, origin: "writable", flag: `--rw ${P}` }], { rwAll: false } as SandboxOptions, watched);
    expect(listed).toEqual([]);
  });
});
