/** Cases about --allow-net, and about a writable project. */
import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { ownedDir } from "../test/support/caller.ts";
import { compile } from "../test/support/compiled.ts";
import { type Case, type Goal, timed } from "./case.ts";
import type { Stand } from "./setup.ts";

/** Some seconds of a stream, beside which the start of a container is little. */
const STREAM_BYTES = 4_000_000_000;
const FILES = 279_000;
const FILES_EACH = 1000;

/** One stream from a server on localhost: through the relay, through pasta, which splices it as well, and without either. */
function stream(key: string, title: string, goal: Goal): Case {
  let server = 0;
  return {
    ...{ key, title, goal, everyNth: 20 },
    prepare(stand) {
      const program = `${stand.dir}/stream`;
      compile(`${import.meta.dir}/stream.c`, program, "-O2");
      const port = `${20_000 + (process.pid % 10_000)}`;
      server = stand.background([program, "serve", port]);
      const get = [program, "get", port, `${STREAM_BYTES}`];
      const brun = [stand.programs.brun!, "--root", stand.root(key), "run", "--host"];
      const jobs = new Map([
        ["brun", [timed(...brun, "--allow-net", `127.0.0.1:${port}`, "--", ...get)]],
        ["loopback", [timed(...get)]],
      ]);
      const pasta = pastaOf(stand);
      if (pasta !== null)
        jobs.set("pasta", [timed(pasta, "--config-net", "--quiet", "-T", port, "-U", "none", "--", ...get)]);
      return jobs;
    },
    finish: () => process.kill(server, "SIGKILL"),
  };
}

/** It needs a device that not every machine has. */
function pastaOf(stand: Stand): string | null {
  const pasta = Bun.which("pasta");
  const isOpen = stand.openDevice("/dev/net/tun", 10, 200);
  if (pasta !== null && isOpen) return pasta;
  console.error(`bench: pasta is left out: ${pasta === null ? "not installed" : "/dev/net/tun is closed"}`);
  return null;
}

/** A directory with so many files, in directories of a thousand. */
function largeTree(stand: Stand): string {
  const path = `${stand.dir}/large`;
  if (existsSync(path)) return path;
  ownedDir(stand.user, path);
  for (let i = 0; i < FILES; i++) {
    const directory = `${path}/${Math.floor(i / FILES_EACH)}`;
    if (i % FILES_EACH === 0) mkdirSync(directory);
    closeSync(openSync(`${directory}/${i}`, "w"));
  }
  const { uid, gid } = stand.user;
  Bun.spawnSync(["chown", "-R", `${uid}:${gid}`, path]);
  return path;
}

export const NETWORK_CASES: readonly Case[] = [
  stream("allow-net-stream", "one stream of 4 GB with `--allow-net`", { share: 2, of: "loopback" }),
  stream("allow-net-pasta", "the same beside pasta", { share: 1, of: "pasta" }),
  {
    key: "allow-net-start",
    title: "`run --host --allow-net`, beside `--network none`",
    prepare(stand) {
      const brun = [stand.programs.brun!, "--root", stand.root("allow-net-start"), "run", "--host"];
      return new Map([
        ["brun", [timed(...brun, "--allow-net", "example.org", "--", "/bin/true")]],
        ["brun, none", [timed(...brun, "--network", "none", "--", "/bin/true")]],
      ]);
    },
  },
  {
    key: "run-host-rw",
    title: "`run --host --rw` of 279,000 files",
    goal: { share: 1.1, of: "brun, an empty directory" },
    prepare(stand) {
      // Runs that take names have no cached plan. So what protecting costs is the difference to runs without one.
      const start = ["/usr/bin/env", "BRUN_FRONT=off", stand.programs.brun!, "--root"];
      const brun = [...start, stand.root("run-host-rw"), "run", "--host"];
      const large = largeTree(stand);
      const empty = ownedDir(stand.user, `${stand.dir}/empty`);
      return new Map([
        ["brun", [timed(...brun, "--rw", large, "--", "/bin/true")]],
        ["brun, an empty directory", [timed(...brun, "--rw", empty, "--", "/bin/true")]],
        ["brun, --rw-all", [timed(...brun, "--rw", large, "--rw-all", "--", "/bin/true")]],
        ["brun, without --rw", [timed(...brun, "--", "/bin/true")]],
      ]);
    },
  },
  {
    key: "diff",
    title: `\`diff\` of 1,116 changes in a tree of 279,000 files, beside \`find\` in the tree`,
    goal: { share: 1, of: "find" },
    everyNth: 5,
    prepare(stand) {
      const large = largeTree(stand);
      const data = ownedDir(stand.user, `${stand.dir}/data`);
      const start = [
        "/usr/bin/env",
        `XDG_DATA_HOME=${data}`,
        stand.programs.brun!,
        "--root",
        stand.root("diff"),
      ];
      const script = `cd ${large}; for name in */*[0-3]50; do echo x >>$name; done`;
      stand.start([...start, "run", "--host", "--keep", "bench", "--", "sh", "-ec", script]);
      return new Map([
        ["brun", [timed(...start, "diff", "bench")]],
        ["find", [timed("/usr/bin/env", "find", large, "-newer", data)]],
      ]);
    },
  },
];
