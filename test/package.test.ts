/** The npm package: packed, installed under a prefix, and used as command and as library. */
import { beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { host } from "./support/caller.ts";
import { makeRootfs } from "./support/rootfs.ts";
import { workspace } from "./support/workspace.ts";

const ROOT = `${import.meta.dir}/..`;

// It takes a minute.
const wanted = process.env.BRUN_BUILDS === "full";

describe.if(wanted)("npm package", () => {
  const dir = `${workspace()}/package`;
  const prefix = `${dir}/prefix`;
  const inside = `${prefix}/lib/node_modules/brun`;
  let tarball: string;

  beforeAll(() => {
    mkdirSync(dir, { recursive: true });
    host("sh", "-c", `cd ${ROOT} && npm pack --loglevel=error --pack-destination ${dir}`);
    tarball = `${dir}/${readdirSync(dir).find((name) => name.endsWith(".tgz"))}`;
    const flags = ["--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];
    host("npm", "install", "--global", "--prefix", prefix, ...flags, tarball);
  }, 300_000);

  test("has what is used, and no sources: less than 120 MB when it is installed, with all that it needs", () => {
    const kilobytes = Number(
      host("du", "-sk", "--apparent-size", `${prefix}/lib/node_modules`).split("\t")[0],
    );
    expect(kilobytes).toBeLessThan(120_000);
    const names = host("tar", "-tzf", tarball).split("\n");
    for (const file of [
      "dist/brun",
      "dist/index.js",
      "dist/types/src/index.d.ts",
      "dist/completions/_brun",
      "README.md",
    ]) {
      expect(names).toContain(`package/${file}`);
    }
    expect(names.filter((name) => /^package\/(src|rootless|nsenter|test)\//.test(name))).toEqual([]);
  });

  test("the command is the executable itself: there is no install script", () => {
    expect(JSON.parse(readFileSync(`${inside}/package.json`, "utf8")).scripts.postinstall).toBeUndefined();
    expect(readFileSync(`${prefix}/bin/brun`).subarray(0, 4).toString("latin1")).toBe("\x7fELF");
    expect(host(`${prefix}/bin/brun`, "--version")).toStartWith("brun version ");
    expect(statSync(`${prefix}/share/man/man1/brun.1`).size).toBeGreaterThan(1000);
  });

  test("the library runs a container, and its types are checked by a strict compiler", () => {
    const project = `${dir}/project`;
    mkdirSync(`${project}/node_modules/@types`, { recursive: true });
    symlinkSync(inside, `${project}/node_modules/brun`);
    for (const name of ["bun-types", "@types/node", "undici-types"]) {
      symlinkSync(`${ROOT}/node_modules/${name}`, `${project}/node_modules/${name}`);
    }
    const rootfs = makeRootfs(`${project}/rootfs`, { uid: process.getuid!(), gid: process.getgid!() });
    writeFileSync(
      `${project}/main.ts`,
      `import { run } from "brun";
await using container = await run({ root: "${project}/state", rootfs: "${rootfs}", args: ["echo", "hello"] });
console.log(await container.output());
// @ts-expect-error: a command is a list
if (false) await run({ rootfs: "", args: "echo" });
`,
    );
    const compilerOptions = {
      strict: true,
      module: "ESNext",
      moduleResolution: "bundler",
      target: "ESNext",
      lib: ["ESNext"],
      types: ["bun-types"],
      noEmit: true,
      skipLibCheck: false,
      exactOptionalPropertyTypes: true,
    };
    writeFileSync(`${project}/tsconfig.json`, JSON.stringify({ compilerOptions, include: ["main.ts"] }));
    expect(host(process.execPath, `${project}/main.ts`)).toContain('stdout: "hello\\n"');
    // The same file in Node, which finds the executable of the package.
    writeFileSync(
      `${project}/main.mjs`,
      `import { run } from "brun";
const { stdout } = await run({ root: "${project}/state", rootfs: "${rootfs}", args: ["echo", "hello"] }).output();
process.stdout.write(stdout);
`,
    );
    expect(host("env", "-u", "BRUN", "PATH=/usr/bin:/bin", Bun.which("node")!, `${project}/main.mjs`)).toBe(
      "hello\n",
    );
    const { stdout } = Bun.spawnSync([`${ROOT}/node_modules/.bin/tsc`, "-p", project]);
    expect(
      stdout
        .toString()
        .split("\n")
        .filter((line) => /brun|main\.ts/.test(line)),
    ).toEqual([]);
  });
});
