/**
 * Runs all checks as one caller and writes their results; main.ts starts it, as root by isolate.sh.
 *   usage: run.ts DIRECTORY root|user RUNTIME,… [--client NAME] [-t PATTERN] [--lazy]
 * --lazy: the peers are tried only where brun fails.
 */
import { appendFileSync, closeSync, openSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { ownedDir, testRoot, testUser } from "../support/caller.ts";
import type { As, Result, Suite } from "./check.ts";
import { suites } from "./suites.ts";
import { asCaller, missing, worldEnv } from "./world.ts";

const TIMEOUT_S = 90;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { client: { type: "string" }, pattern: { type: "string", short: "t" }, lazy: { type: "boolean" } },
});
const [dir, as, names] = positionals as [string, As, string];
const runtimes = names.split(",");
const caller = as === "root" ? testRoot()! : testUser();
const home = ownedDir(caller, `${dir}/${as}`);
ownedDir(caller, `${home}/run`, 0o700);
ownedDir(caller, `${home}/tmp`);
const env = worldEnv(dir, as, caller);
let number = 0;

/** Runs a script as the caller. Output goes to a file: what stays in the background keeps it open. */
function shell(script: string, extra: Readonly<Record<string, string>>): { passed: boolean; log: string } {
  number += 1;
  const path = `${home}/${number}.log`;
  const fd = openSync(path, "a", 0o666);
  const words = ["timeout", "-k", "5", `${TIMEOUT_S}`, "sh", "-exc", `. ${dir}/prelude.sh\n${script}`];
  const child = Bun.spawnSync([...asCaller(caller), ...words], {
    cwd: home,
    env: { ...env, ...extra },
    stdio: ["ignore", fd, fd],
  });
  closeSync(fd);
  return { passed: child.exitCode === 0, log: readFileSync(path, "utf8") };
}

function runSuite(suite: Suite): void {
  const { client, checks } = suite;
  const setUp = shell(suite.setUp, { RUNTIME: "brun" });
  if (!setUp.passed) throw new Error(`${client}: cannot be set up: ${setUp.log}`);
  const pattern = new RegExp(values.pattern ?? "");
  for (const { name, script, as: only, brunOnly } of checks) {
    if ((only !== undefined && only !== as) || !pattern.test(name)) continue;
    for (const runtime of brunOnly ? runtimes.filter((one) => one === "brun") : runtimes) {
      const box = { RUNTIME: runtime, N: `check${number}`, D: ownedDir(caller, `${home}/check${number}`) };
      const start = performance.now();
      const { passed, log } = shell(script, box);
      shell(suite.tidy, box);
      const seconds = Math.round((performance.now() - start) / 100) / 10;
      const result: Result = { client, as, check: name, runtime, passed, seconds, log };
      appendFileSync(`${dir}/results.jsonl`, `${JSON.stringify(result)}\n`);
      console.log(`${passed ? "ok    " : "not ok"} ${client} as ${as}: ${name} (${runtime}, ${seconds} s)`);
      if (values.lazy && runtime === "brun" && passed) break;
    }
  }
}

for (const suite of suites) {
  if (!suite.callers.includes(as) || (values.client ?? suite.client) !== suite.client) continue;
  const lacks = missing(suite.needs);
  if (lacks === undefined) runSuite(suite);
  else {
    const none = { check: "all checks", runtime: "brun", passed: false, seconds: 0, log: "" };
    const result: Result = { ...none, client: suite.client, as, missing: `${lacks} is not installed` };
    appendFileSync(`${dir}/results.jsonl`, `${JSON.stringify(result)}\n`);
  }
}
