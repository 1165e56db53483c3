/**
 * Compiles brun to one executable.
 *   usage: bun scripts/bundle.ts FILE [ARCH BUN]
 * For another architecture than this machine's, BUN is Bun's executable for it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { BuildConfig, BunPlugin } from "bun";
import { addFront } from "./front.ts";
import { dropLanguages } from "./icu.ts";

const root = resolve(import.meta.dir, "..");

/** Modules that are loaded only when they are needed, by import() or require. */
async function lazyModules(): Promise<ReadonlySet<string>> {
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  const lazy = new Set<string>();
  for await (const file of new Bun.Glob("{src,rootless}/**/*.ts").scan({ cwd: root, absolute: true })) {
    if (file.endsWith(".test.ts")) continue;
    for (const { path, kind } of transpiler.scanImports(await Bun.file(file).text())) {
      if (kind !== "import-statement" && path.startsWith(".")) lazy.add(resolve(dirname(file), path));
    }
  }
  return lazy;
}

/** Makes lazily loaded modules import src/cli/hot.ts, which has been loaded by then. */
async function afterHot(): Promise<BunPlugin> {
  const lazy = await lazyModules();
  const hot = JSON.stringify(`${root}/src/cli/hot.ts`);
  return {
    name: "after hot.ts",
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        if (!lazy.has(path)) return undefined;
        return { contents: `${await Bun.file(path).text()}\nimport ${hot};`, loader: "ts" };
      });
    },
  };
}

/**
 * How brun is cut into chunks, which are loaded one by one. With splitting, a command maps only the bytecode that it uses, which
 * halves the page faults. A chunk has the modules that the same set of entries and lazy modules reaches. So the code of `run`
 * would be in thirty chunks, at 30 µs each. If all of them reach hot.ts, all that hot.ts reaches is in one chunk.
 */
export async function chunks(): Promise<BuildConfig> {
  return {
    entrypoints: [`${root}/src/cli/main.ts`],
    target: "bun",
    format: "esm",
    splitting: true,
    plugins: [await afterHot()],
  };
}

if (import.meta.main) {
  const [outfile, arch, executablePath] = process.argv.slice(2);
  if (outfile === undefined) throw new Error("usage: bun scripts/bundle.ts FILE [ARCH BUN]");
  await Bun.build({
    ...(await chunks()),
    minify: true,
    bytecode: true,
    sourcemap: "none",
    define: { "process.arch": JSON.stringify(arch ?? process.arch) },
    compile: {
      outfile,
      ...(arch && executablePath && { target: `bun-linux-${arch as "x64" | "arm64"}`, executablePath }),
      jitPolicy: 100,
      // A bundle's bunfig.toml and .env, found in the current directory, are not to be run or read; tsconfig.json and
      // package.json are off unless asked for, and said here so that it stays so.
      autoloadBunfig: false,
      autoloadDotenv: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
  });
  const compiled = readFileSync(outfile);
  dropLanguages(compiled);
  writeFileSync(outfile, compiled);
  // Macros have seen the same environment: frontCalls() of nsenter/embed.ts.
  if (process.env.BRUN_FRONT === undefined) process.exit();
  const stage = process.env.BRUN_STAGE ?? "nsenter.so";
  addFront(outfile, `${root}/nsenter/build/${stage.replace(/\.so$/, ".front")}`);
}
