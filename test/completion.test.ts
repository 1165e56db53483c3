/** Completions in the shells they are for. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { commands } from "../src/cli/main.ts";
import { host, installed, ownedDir } from "./support/caller.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { brunPath, workspace } from "./support/workspace.ts";

/** The line is completed at its end. */
type Complete = (line: string, before?: string) => string[];

const subject = subjects(["brun"])[0]!;
let box: Sandbox;
let id: string;
beforeAll(async () => {
  box = new Sandbox(subject);
  id = await box.detached();
});
afterAll(() => box[Symbol.asyncDispose]());

function script(shell: string): string {
  const path = `${workspace()}/completion.${shell}`;
  writeFileSync(path, host(brunPath(), "completion", shell));
  return path;
}

function shell(...argv: string[]): string[] {
  const { stdout, stderr, exitCode } = Bun.spawnSync([...subject.caller.prefix, ...argv], {
    env: {
      ...box.env,
      XDG_DATA_HOME: `${box.dir}/data`,
      PATH: `${workspace()}:${box.env.PATH}`,
      TERM: "dumb",
    },
    cwd: box.dir,
  });
  if (exitCode !== 0 || stderr.length > 0) throw new Error(`${argv[0]}: ${exitCode}: ${stderr}`);
  return stdout.toString().split(/\r?\n/).filter(Boolean).sort();
}

const completers: Readonly<Record<string, Complete>> = {
  bash: (line, before = "") => {
    // As readline does: "=", ":" and "@" are words of their own.
    const words = line.split(/ |([=:@])/).filter(Boolean);
    if (/[ =]$/.test(line)) words.push("");
    const set = words.map((word) => `'${word}'`).join(" ");
    return shell(
      "bash",
      "--norc",
      "-c",
      `. ${script("bash")}; ${before || ":"}; COMP_WORDS=(${set}); COMP_CWORD=${words.length - 1}; _brun; printf '%s\\n' "\${COMPREPLY[@]}"`,
    );
  },
  fish: (line, before = "") =>
    shell("fish", "--no-config", "-c", `source ${script("fish")}; ${before}; complete -C '${line}'`).map(
      (found) => found.split("\t")[0]!,
    ),
  // A shell on a terminal, whose compadd tells what it was given.
  zsh: (line, before = "") => {
    const dir = `${box.dir}/zsh`;
    ownedDir(subject.caller, dir);
    writeFileSync(
      `${dir}/inner`,
      `autoload -Uz compinit; compinit -u -d ${dir}/dump; source ${script("zsh")}
${before}
compadd() {
  if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return; fi
  local -a hits; builtin compadd -A hits "$@"; builtin compadd "$@"
  (( $#hits )) && print -l HIT:$^hits >>${dir}/hits
}
finish() { print done >>${dir}/hits; exit }
comppostfuncs=(finish)
PROMPT=; print ready >>${dir}/hits
`,
    );
    const driver = `zmodload zsh/zpty; rm -f ${dir}/hits
zpty z zsh -f -i; zpty -w z 'source ${dir}/inner'
for i in {1..250}; do [[ -s ${dir}/hits ]] && break; sleep 0.02; done
zpty -w -n z ${JSON.stringify(line)}$'\\t'
for i in {1..250}; do grep -sqx done ${dir}/hits && break; sleep 0.02; done
zpty -d z; sed -n 's/^HIT://p' ${dir}/hits`;
    return shell("zsh", "-f", "-c", driver);
  },
};

for (const [name, complete] of Object.entries(completers)) {
  describe.if(installed(name))(name, () => {
    test("commands, hidden ones left out", async () => {
      const all = await Promise.all(Object.values(commands).map((load) => load([])));
      const shown = all.filter(({ meta }) => meta.hidden !== true).map((command) => command.meta.name);
      expect(complete("brun ")).toEqual(expect.arrayContaining(shown));
      expect(complete("brun pa")).toEqual(["pause"]);
    });

    test("flags: of brun, of a command, hidden ones left out", () => {
      expect(complete("brun --roo")).toEqual(
        ["--root", "--rootless"].map((flag) => expect.stringContaining(flag)),
      );
      const flags = complete("brun exec --").join(" ");
      for (const flag of ["--cwd", "--env", "--preserve-fds", "--timing"]) expect(flags).toContain(flag);
      expect(flags).not.toContain("--systemd-cgroup");
      expect(complete("brun run --ho").join(" ")).toContain("--host");
      expect(complete("brun run --await").join(" ")).not.toContain("--await-start");
    });

    test("values: words, files, directories", () => {
      expect(complete("brun --log-format ")).toEqual(["json", "text"]);
      box.file("some-file", "");
      expect(complete("brun create --pid-file some-f").join()).toContain("some-file");
      expect(complete("brun create --bundle some-f").join()).not.toContain("some-file");
      expect(complete("brun completion ")).toEqual(["bash", "fish", "zsh"]);
    });

    test("after -- the program's own words", () => {
      const before = {
        bash: `_command_offset() { COMPREPLY=("\${COMP_WORDS[$1]}-word"); }`,
        fish: 'complete -c greet -f -a "greet-word"',
        zsh: "_greet() { compadd greet-word }; compdef _greet greet",
      }[name]!;
      for (const line of ["run --host", "run --rootfs / --rm", "run --image a --env A=1"]) {
        expect(complete(`brun ${line} -- greet gre`, before)).toEqual(["greet-word"]);
      }
      if (name !== "zsh") expect(complete("brun run --host -- busybo").join()).toContain("busybox");
    });

    test("names of images that are there: of --image, and in the places where they stand", () => {
      const store = ["data", "data/brun", "data/brun/images"].reduce(
        (_, path) => ownedDir(subject.caller, `${box.dir}/${path}`),
        "",
      );
      const names = ["docker.io/library/debian:12", "docker.io/me/web:1", "localhost:5000/web:2"];
      const record = JSON.stringify({ version: 1, images: names.map((name) => ({ name })) });
      writeFileSync(`${store}/images.json`, record);
      const typed = ["debian:12", "localhost:5000/web:2", "me/web:1"];
      for (const line of [
        "run --image ",
        "run -d --rm ",
        "create --image ",
        "explain --image ",
        "image inspect ",
        "image remove ",
        "image remove me/web:1 ",
      ])
        expect([line, complete(`brun ${line}`)]).toEqual([line, expect.arrayContaining(typed)]);
      // What stands before a colon is on the line already: bash replaces what follows it.
      const end = (text: string) => (name === "bash" ? text.replace(/^.*?:(?=.)/, "") : text);
      expect(complete("brun run --image debian:")).toEqual(["debian:12"].map(end));
      expect(complete("brun run --image localhost:5")).toEqual(["localhost:5000/web:2"].map(end));
      expect(complete("brun run --image docker.io/l")).toEqual(["docker.io/library/debian:12"]);
      expect(complete("brun run --image nosuch")).toEqual([]);
      expect(complete("brun image pull --plat").join()).toContain("--platform");
    });

    test("ids of the containers under the state directory, for commands that need one", () => {
      const root = `--root ${box.state}`;
      for (const command of ["exec", "delete --force", "state"]) {
        expect(complete(`brun ${root} ${command} ${id.slice(0, 3)}`).join()).toContain(id);
      }
      expect(complete(`brun ${root} create ${id.slice(0, 3)}`).join()).not.toContain(id);
      expect(complete(`brun ${root} kill ${id} ${id.slice(0, 3)}`).join()).not.toContain(id);
    });
  });
}

test("another shell is refused", () => {
  const { exitCode, stderr } = Bun.spawnSync([brunPath(), "completion", "csh"], { stderr: "pipe" });
  expect(exitCode).toBe(1);
  expect(stderr.toString()).toBe('brun: no completion for "csh"; hint: bash, zsh or fish\n');
});
