/**
 * `npm run test:clients`: podman, buildah, docker, containerd and what else is installed, driving brun, crun and runc
 * through one table of checks. Needs no network: the image is made from the machine's busybox.
 *   usage: main.ts [--as root|user] [--client NAME] [-t PATTERN] [--runtime NAME]... [--lazy] [--keep]
 * --lazy tries the peers only where brun fails; --keep leaves the logs. Ends with "N passed, N failed, N skipped":
 * what brun fails and a peer passes has failed, what no runtime passes here is skipped.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { installed, isRoot, TEST_USER, testUser } from "../support/caller.ts";
import { killHard, processesOf } from "../support/processes.ts";
import { removeWorkspace } from "../support/workspace.ts";
import type { As, Result } from "./check.ts";
import { counts, judge, table } from "./verdict.ts";
import { makeWorld, RUNTIMES } from "./world.ts";

const { values } = parseArgs({
  options: {
    as: { type: "string" },
    client: { type: "string" },
    pattern: { type: "string", short: "t" },
    runtime: { type: "string", multiple: true },
    lazy: { type: "boolean" },
    keep: { type: "boolean" },
  },
});
const runtimes = (values.runtime ?? RUNTIMES).filter((name) => name === "brun" || installed(name));
const callers = (isRoot ? ["user", "root"] : ["user"]).filter((as) => (values.as ?? as) === as) as As[];
testUser();
const dir = mkdtempSync(`${tmpdir()}/brun-clients-`);

/** Runs the checks as one caller; returns whether it came to its end. */
async function phase(as: As): Promise<boolean> {
  const view = as === "root" ? "legacy" : "unified";
  const isolate = isRoot ? ["bash", `${import.meta.dir}/isolate.sh`, view, TEST_USER] : [];
  const flags = [
    ...(values.client === undefined ? [] : ["--client", values.client]),
    ...(values.pattern === undefined ? [] : ["-t", values.pattern]),
    ...(values.lazy ? ["--lazy"] : []),
  ];
  const words = [process.execPath, `${import.meta.dir}/run.ts`, dir, as, runtimes.join(","), ...flags];
  const child = Bun.spawn([...isolate, ...words], { stdio: ["ignore", "inherit", "inherit"] });
  // isolate.sh waits for what it has started, and cleans up when that has ended.
  const stop = (): void => void Bun.spawnSync(["pkill", "-TERM", "-P", `${child.pid}`]);
  process.once("SIGTERM", stop);
  await child.exited;
  process.off("SIGTERM", stop);
  return child.exitCode === 0;
}

try {
  makeWorld(dir);
  let complete = true;
  for (const as of callers) complete = (await phase(as)) && complete;
  const lines = existsSync(`${dir}/results.jsonl`) ? readFileSync(`${dir}/results.jsonl`, "utf8") : "";
  const results: Result[] = lines
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
  const rows = judge(results);
  for (const { client, as, check, verdict } of rows) {
    if (verdict !== "failed") continue;
    const { log } = results.find(
      (r) => r.client === client && r.as === as && r.check === check && r.runtime === "brun",
    )!;
    console.log(`\n--- ${client} as ${as}: ${check}\n${log}`);
  }
  console.log(table(rows, runtimes));
  if (!complete) console.log("the checks did not come to their end: see above");
  console.log(counts(rows));
  process.exitCode = complete && rows.length > 0 && rows.every(({ verdict }) => verdict !== "failed") ? 0 : 1;
} finally {
  if (values.keep) console.log(`logs: ${dir}`);
  else removeWorld();
  removeWorkspace();
}

/**
 * Without isolate.sh podman's pause process is left. Rootless storage holds files of mapped ids, which only root or a
 * user namespace with them may remove.
 */
function removeWorld(): void {
  for (const { pid } of processesOf(dir)) killHard(pid);
  try {
    rmSync(dir, { recursive: true, force: true });
  } catch {
    const argv = ["unshare", "--user", "--map-root-user", "--map-auto", "rm", "-rf", dir];
    Bun.spawnSync(argv, { stdio: ["ignore", "ignore", "inherit"] });
  }
}
