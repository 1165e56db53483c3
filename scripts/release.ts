/**
 * Makes dist/release: for each target an archive with brun, its manual pages, completions and documents; a bill of
 * materials; checksums of all, and on wish their signature. Whoever does it from the same commit with the same compiler
 * gets the same bytes: files have the commit's time, no owner and a fixed order. Refuses what is not committed.
 *   usage: release.ts [--all | x64-glibc | arm64-glibc | x64-musl | arm64-musl]… [--sign KEY] [--to DIRECTORY]
 * KEY is a secret key of minisign (SHA256SUMS.minisig) or a private or public key of OpenSSH, whose agent is asked for a
 * public one (SHA256SUMS.sig, `ssh-keygen -Y verify -n file`).
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { sbom } from "./sbom.ts";
import { build, layOutArchive, run, targetsOf } from "./shipped.ts";

const ROOT = `${import.meta.dir}/..`;
/** Machine code is most of it: with xz's filter for x86 it is a twentieth smaller. */
const XZ = { x64: "--x86", arm64: "--arm64" };

const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  options: { all: { type: "boolean" }, sign: { type: "string" }, to: { type: "string" } },
  allowPositionals: true,
});
const directory = resolve(values.to ?? `${ROOT}/dist/release`);
const changed = run(["git", "status", "--porcelain", "--untracked-files=no"]);
if (changed !== "") {
  console.error(`release: not committed: ${changed.split("\n").length} files; commit or stash them`);
  process.exit(1);
}
const lock = JSON.parse(readFileSync(`${ROOT}/package-lock.json`, "utf8"));
const time = run(["git", "log", "-1", "--format=%ct"]);
const version: string = lock.packages[""].version;

rmSync(directory, { recursive: true, force: true });
mkdirSync(directory, { recursive: true });
const files = [`brun-${version}.cdx.json`];
writeFileSync(`${directory}/${files[0]}`, sbom(lock));
for (const target of targetsOf(values.all ? ["--all"] : positionals)) {
  const name = `brun-${version}-linux-${target.arch}${target.libc === "musl" ? "-musl" : ""}`;
  layOutArchive(`${directory}/${name}`, build(target));
  run([
    ...["tar", "--create", `--file=${directory}/${name}.tar`, `--directory=${directory}`, "--format=ustar"],
    ...["--sort=name", `--mtime=@${time}`, "--owner=0", "--group=0", "--numeric-owner"],
    ...["--mode=u=rwX,go=rX", name],
  ]);
  // BRUN_RELEASE_PRESET=0 makes a larger archive quickly. xz 5.4 and later can decode --arm64.
  const preset = process.env.BRUN_RELEASE_PRESET ?? "9e";
  run(["xz", "--threads=1", XZ[target.arch], `--lzma2=preset=${preset}`, `${directory}/${name}.tar`]);
  rmSync(`${directory}/${name}`, { recursive: true });
  files.push(`${name}.tar.xz`);
}

const sums = files.map((file) => {
  const hash = new Bun.CryptoHasher("sha256").update(readFileSync(`${directory}/${file}`)).digest("hex");
  return `${hash}  ${file}`;
});
const sumsFile = `${directory}/SHA256SUMS`;
writeFileSync(sumsFile, `${sums.join("\n")}\n`);
if (values.sign !== undefined) sign(values.sign);
console.log(sums.join("\n"));

function sign(key: string): void {
  const minisign = readFileSync(key, "latin1").startsWith("untrusted comment:");
  const argv = minisign
    ? ["minisign", "-S", "-s", key, "-m", sumsFile, "-t", `brun ${version}`]
    : ["ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", key, sumsFile];
  // Either may ask for the key's passphrase.
  const { exitCode } = Bun.spawnSync(argv, { stdio: ["inherit", "inherit", "inherit"] });
  if (exitCode === 0) return;
  console.error(`release: ${argv[0]} could not sign SHA256SUMS with ${key}`);
  process.exit(1);
}
