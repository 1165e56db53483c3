/**
 * `npm run demo`: an ordinary user runs a container, and one looks around inside. Started as root it uses the
 * user of the tests, otherwise the caller.
 */
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { callerEnv, host, isRoot, ownedDir, testUser } from "../test/support/caller.ts";
import { makeRootfs } from "../test/support/rootfs.ts";
import { removeWorkspace } from "../test/support/workspace.ts";

const NAMESPACES = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];

const user = testUser();
const dir = ownedDir(user, mkdtempSync(`${tmpdir()}/brun-demo-`));
const env = callerEnv(user, ownedDir(user, `${dir}/run`, 0o700));
const brun = `${dir}/brun`;
const colour = process.stdout.isTTY;

function print(title: string, lines: readonly string[]): void {
  console.log(colour ? `\x1b[1m${title}\x1b[0m` : title);
  for (const line of lines) console.log(`  ${line}`);
}

function own(path: string): void {
  if (isRoot) chownSync(path, user.uid, user.gid);
}

function asUser(...argv: string[]): number {
  const { exitCode } = Bun.spawnSync([...user.prefix, ...argv], {
    cwd: dir,
    env: { ...env, TERM: process.env.TERM ?? "dumb", DEMO_COLOUR: colour ? "1" : "" },
    stdio: ["ignore", "inherit", "inherit"],
  });
  return exitCode;
}

/** `brun spec` writes a config for root, as any engine would: brun does the rest. */
function configure(): void {
  if (asUser(brun, "spec") !== 0) throw new Error("brun spec failed");
  const path = `${dir}/config.json`;
  const spec = JSON.parse(readFileSync(path, "utf8"));
  spec.process.terminal = false;
  spec.process.args = ["/bin/sh", "/tour.sh"];
  const outside = NAMESPACES.map((name) => readlinkSync(`/proc/self/ns/${name}`));
  spec.process.env.push(`DEMO_COLOUR=${colour ? "1" : ""}`, `OUTSIDE=${outside.join(" ")}`);
  spec.root.readonly = false;
  spec.hostname = "inside";
  writeFileSync(path, `${JSON.stringify(spec, null, 2)}\n`);
  own(path);
}

let exitCode = 1;
try {
  copyFileSync(`${import.meta.dir}/../dist/brun`, brun);
  chmodSync(brun, 0o755);
  makeRootfs(`${dir}/rootfs`, user);
  copyFileSync(`${import.meta.dir}/../examples/tour.sh`, `${dir}/rootfs/tour.sh`);
  own(`${dir}/rootfs/tour.sh`);
  configure();
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).length;
  print("Outside", [
    `user      ${host(...user.prefix, "id").trim()}`,
    `host      ${hostname()}, ${processes} processes`,
    `rootfs    ${dir}/rootfs, made of one static busybox`,
    `command   brun run --bundle ${dir} demo`,
  ]);
  exitCode = asUser(brun, "run", "--bundle", dir, "demo");
  const left = host(...user.prefix, "env", `XDG_RUNTIME_DIR=${dir}/run`, brun, "list", "--quiet").trim();
  print("\nOutside again", [`exit code ${exitCode}; containers left: ${left || "none"}`]);
} finally {
  rmSync(dir, { recursive: true, force: true });
  removeWorkspace();
}
process.exit(exitCode);
