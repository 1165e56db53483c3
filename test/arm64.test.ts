/** The build for arm64, as far as an x86-64 machine can try it: under qemu-user, which cannot make containers. */
import { beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, statSync } from "node:fs";
import { Message, receiveMessage, sendProgram, socketPair } from "../src/stage/messages.ts";
import { close } from "../src/sys/fs.ts";
import { SYSCALLS } from "../src/sys/syscalls.ts";
import { host, installed } from "./support/caller.ts";
import { workspace } from "./support/workspace.ts";

const ROOT = `${import.meta.dir}/..`;
const CC = "aarch64-linux-gnu-gcc";
const possible =
  process.env.BRUN_BUILDS === "full" &&
  process.arch === "x64" &&
  installed("qemu-aarch64-static") &&
  installed(CC);
const QEMU = ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu"];

/** Values of C expressions, as the compiler's headers have them. */
function constants(
  compiler: string,
  headers: readonly string[],
  names: readonly string[],
): Record<string, number> {
  const source = [
    ...headers.map((header) => `#include <${header}>`),
    ...names.map((n) => `brun ${n} = ${n};`),
  ];
  const { stdout } = Bun.spawnSync([compiler, "-E", "-P", "-"], { stdin: new Blob([source.join("\n")]) });
  // The name on the left is replaced, too: the order tells.
  const values = [...stdout.toString().matchAll(/^brun .*= (.*);$/gm)].map(([, value]) => Number(value));
  return Object.fromEntries(names.map((name, i) => [name, values[i]!]));
}

describe.each(["x64", "arm64"] as const)("kernel headers of %s", (arch) => {
  const compiler = arch === process.arch ? "cc" : CC;
  test.if(arch === process.arch || installed(CC))("have the numbers of system calls that brun has", () => {
    const names = Object.keys(SYSCALLS[arch]);
    const values = constants(
      compiler,
      ["asm/unistd.h"],
      names.map((name) => `__NR_${name}`),
    );
    for (const name of names) {
      expect(`${name} ${values[`__NR_${name}`]}`).toBe(
        `${name} ${(SYSCALLS[arch] as Record<string, number>)[name]}`,
      );
    }
  });
});

describe.if(possible)("arm64 under qemu", () => {
  const brun = `${ROOT}/dist/brun-arm64`;
  const dir = `${workspace()}/arm64`;
  const run = (file: string, args: readonly string[], env = {}) => {
    const { exitCode, stdout, stderr } = Bun.spawnSync([...QEMU, file, ...args], {
      cwd: dir,
      env: { PATH: process.env.PATH, XDG_RUNTIME_DIR: dir, ...env },
    });
    return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
  };

  beforeAll(() => {
    host("sh", `${ROOT}/scripts/build.sh`, "--arch", "arm64");
    mkdirSync(`${dir}/rootfs`, { recursive: true });
  }, 300_000);

  test("is an executable of about the same size", () => {
    expect(host("file", "-L", brun)).toContain("ARM aarch64");
    expect(statSync(brun).size).toBeLessThan(150e6);
  });

  test("brun starts, calls the kernel, and compiles programs with arm64's numbers and flags", () => {
    expect(run(brun, ["--version"])).toMatchObject({
      code: 0,
      stderr: "",
      stdout: expect.stringMatching(/^brun version/),
    });
    expect(run(brun, ["spec"])).toEqual({ code: 0, stdout: "", stderr: "" });
    const { code, stdout } = run(brun, ["explain", "--syscalls"]);
    expect(code).toBe(0);
    expect(stdout).toContain("pivot_root(");
    // O_NOFOLLOW is 0100000 there, 0400000 here.
    expect(stdout).toMatch(/openat2\(%\d+, "dev\/null", <\{flags=010100000, /);
  });

  test("the stage needs no loader: it has nothing to relocate", () => {
    expect(host("readelf", "--relocs", `${ROOT}/nsenter/build/nsenter-arm64.so`)).toContain("no relocations");
  });

  test("the stage executes programs that brun has compiled there", async () => {
    const program = `${dir}/program.js`;
    const entry = `${ROOT}/test/arm64/program.ts`;
    const build = [process.execPath, "build", entry, "--target=bun", "--outfile", program];
    host("env", "BRUN_STAGE=nsenter-arm64.so", ...build);
    const printed = run(brun, [program, dir], { BUN_BE_BUN: "1" });
    expect(printed.stderr).toBe("");
    const outcomes = printed.stdout
      .trim()
      .split("\n")
      .map((program) => execute(Uint8Array.fromBase64(program)));
    const error = (op: number, errno: number) => ({ type: Message.error, op, errno });
    expect(outcomes).toEqual([{ type: Message.ready }, error(0, 40), error(1, 2)]); // ELOOP, ENOENT
    expect(statSync(`${dir}/made`).mode & 0o777).toBe(0o700);
    expect(statSync(`${dir}/made/below`).isDirectory()).toBe(true);
  });

  /** Runs a program in a stage of arm64; what it answers. */
  function execute(program: Uint8Array): unknown {
    const [ours, theirs] = socketPair();
    const stage = Bun.spawn([...QEMU, `${ROOT}/nsenter/build/nsenter-arm64.so`, "stage", "3"], {
      stdio: ["ignore", "inherit", "inherit", theirs],
    });
    close(theirs);
    try {
      sendProgram(ours, program);
      const message = receiveMessage(ours, 20000)!;
      if (message.type !== Message.error) return { type: message.type };
      const { payload } = message;
      return { type: message.type, op: payload.getUint32(0, true), errno: payload.getInt32(4, true) };
    } finally {
      close(ours);
      stage.kill("SIGKILL");
    }
  }
});
