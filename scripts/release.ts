/**
 * Makes dist/release for the machine's architecture: an archive with brun, a bill of materials and checksums. Whoever
 * does it from the same commit with the same compiler gets the same bytes: files have the commit's time, no owner
 * and a fixed order. Refuses what is not committed.
 *   usage: release.ts [DIRECTORY]
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { sbom } from "./sbom.ts";

const ROOT = `${import.meta.dir}/..`;
const WITH = ["README.md", "LICENSE", "CHANGELOG.md", "SECURITY.md"];

/** Runs a program in the checkout and returns its stdout; ends with its output when it fails. */
function run(argv: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...argv], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stderr: "pipe",
  });
  if (exitCode === 0) return stdout.toString().trim();
  console.error(`release: ${argv.join(" ")}: ${stderr}${stdout}`);
  process.exit(1);
}

const directory = resolve(process.argv[2] ?? `${ROOT}/dist/release`);
const changed = run(["git", "status", "--porcelain", "--untracked-files=no"]);
if (changed !== "") {
  console.error(`release: not committed: ${changed.split("\n").length} files; commit or stash them`);
  process.exit(1);
}
const lock = JSON.parse(readFileSync(`${ROOT}/package-lock.json`, "utf8"));
const time = run(["git", "log", "-1", "--format=%ct"]);
const name = `brun-${lock.packages[""].version}-linux-${process.arch}`;

// Settings of whoever does it that would be seen in the files.
run(["sh", "scripts/build.sh", "--force"], { LC_ALL: "C", TZ: "UTC", CFLAGS_EXTRA: "", CC: "cc" });
rmSync(directory, { recursive: true, force: true });
mkdirSync(`${directory}/${name}`, { recursive: true });
cpSync(`${ROOT}/dist/brun`, `${directory}/${name}/brun`);
for (const file of WITH) cpSync(`${ROOT}/${file}`, `${directory}/${name}/${file}`);
run([
  ...["tar", "--create", `--file=${directory}/${name}.tar`, `--directory=${directory}`, "--format=ustar"],
  ...["--sort=name", `--mtime=@${time}`, "--owner=0", "--group=0", "--numeric-owner"],
  ...["--mode=u=rwX,go=rX", name],
]);
run(["gzip", "--no-name", `${directory}/${name}.tar`]);
rmSync(`${directory}/${name}`, { recursive: true });
writeFileSync(`${directory}/${name}.cdx.json`, sbom(lock));

const sums = [`${name}.cdx.json`, `${name}.tar.gz`].map((file) => {
  const hash = new Bun.CryptoHasher("sha256").update(readFileSync(`${directory}/${file}`)).digest("hex");
  return `${hash}  ${file}`;
});
writeFileSync(`${directory}/SHA256SUMS`, `${sums.join("\n")}\n`);
console.log(sums.join("\n"));
