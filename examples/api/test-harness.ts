/**
 * A test harness that gives each test a container of its own: no test sees another's files or processes, and what a
 * test leaves behind goes with its container.
 *   usage: bun examples/api/test-harness.ts ROOTFS
 */
import { type Container, run } from "brun";

type Test = (container: Container) => Promise<void>;

/** The root filesystem is shared and read-only; /tmp is each test's own. A test takes a minute at most. */
async function inContainer(rootfs: string, test: Test): Promise<void> {
  await using container = await run({
    rootfs,
    args: ["sleep", "3600"],
    // A limit by rlimit, since one by cgroup is not to be had everywhere.
    ulimit: ["nproc=4096"],
    readOnly: true,
    stdout: "ignore",
    stderr: "inherit",
    timeout: "1m",
  });
  await test(container);
}

/** Runs a command that must succeed; returns what it prints. */
async function sh(container: Container, script: string): Promise<string> {
  const { exitCode, stdout, stderr } = await container.exec(["sh", "-c", script]).output();
  if (exitCode !== 0) throw new Error(`${script}: exit code ${exitCode}: ${stderr}`);
  return stdout;
}

const tests: Readonly<Record<string, Test>> = {
  "writes a file": async (container) => {
    await sh(container, "echo 42 > /tmp/answer");
    if ((await sh(container, "cat /tmp/answer")) !== "42\n") throw new Error("wrong answer");
  },
  "does not see the file of the first": async (container) => {
    if ((await sh(container, "ls /tmp")) !== "") throw new Error("/tmp is not empty");
  },
  "leaves a process running": async (container) => {
    await sh(container, "sleep 1000 </dev/null >/dev/null 2>&1 &");
  },
  "cannot change the root filesystem": async (container) => {
    const { exitCode } = await container.exec(["sh", "-c", "echo x > /file"]).output();
    if (exitCode === 0) throw new Error("it can");
  },
};

const [rootfs] = process.argv.slice(2);
if (rootfs === undefined) throw new Error("usage: test-harness.ts ROOTFS");
let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  try {
    await inContainer(rootfs, test);
    console.log(`ok    ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}: ${error instanceof Error ? error.message : error}`);
  }
}
process.exit(failed === 0 ? 0 : 1);
