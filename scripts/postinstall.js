// npm's install script of the published package: compiles the executable of the sources in it and the Bun that npm has
// installed beside it, for whatever architecture that is. In a checkout it does nothing.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
if (!existsSync(join(root, "nsenter/main.c"))) compile();

function compile() {
  const resolve = createRequire(join(root, "package.json")).resolve;
  const modules = join(dirname(resolve("bun/package.json")), "..");
  // Not node_modules/bun/bin: the install script that puts it there runs at the same time as this one.
  // Node is built for the C library that the machine has: of musl its report has no version of glibc.
  const libc = process.report.getReport().header.glibcVersionRuntime === undefined ? "-musl" : "";
  const runtime = `@oven/bun-linux-${process.arch === "arm64" ? "aarch64" : "x64"}${libc}/package.json`;
  const bun = join(dirname(createRequire(resolve("bun/package.json")).resolve(runtime)), "bin/bun");
  const made = join(root, "bin/brun.new");
  // Bun runs no macros, by which the stage gets into the executable, of what is below a node_modules.
  const away = mkdtempSync(join(tmpdir(), "brun-install-"));
  try {
    for (const part of [
      "src",
      "rootless",
      "nsenter",
      "scripts/bundle.ts",
      "scripts/front.ts",
      "package.json",
      "tsconfig.json",
    ]) {
      cpSync(join(root, part), join(away, part), { recursive: true });
    }
    symlinkSync(modules, join(away, "node_modules"));
    execFileSync(bun, ["scripts/bundle.ts", made], {
      cwd: away,
      env: { ...process.env, BRUN_FRONT: "yes", BRUN_STAGE: `nsenter-${process.arch}.so` },
      stdio: ["ignore", "ignore", "inherit"],
    });
    renameSync(made, join(root, "bin/brun"));
  } finally {
    rmSync(away, { recursive: true });
  }
}
