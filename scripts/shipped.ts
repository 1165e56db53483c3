/** The files that release archives and packages contain, and where they go. */
import { chmodSync, copyFileSync, cpSync, mkdirSync, readdirSync } from "node:fs";
import { basename, dirname } from "node:path";

const ROOT = `${import.meta.dir}/..`;

/** For which machines brun is built. */
const TARGETS = [
  { arch: "x64", libc: "glibc" },
  { arch: "arm64", libc: "glibc" },
  { arch: "x64", libc: "musl" },
  { arch: "arm64", libc: "musl" },
] as const;

export type Target = (typeof TARGETS)[number];

/** The target of this machine. */
function ownTarget(): Target {
  const libc = /musl/.test(run(["sh", "-c", "ldd --version 2>&1 || :"])) ? "musl" : "glibc";
  return TARGETS.find((target) => target.arch === process.arch && target.libc === libc)!;
}

/** The targets that arguments ask for: "--all", "x64-musl", or none for this machine's own. Throws an Error for others. */
export function targetsOf(args: readonly string[]): readonly Target[] {
  if (args.includes("--all")) return TARGETS;
  const named = args.map((arg) => {
    const target = TARGETS.find(({ arch, libc }) => arg === `${arch}-${libc}`);
    if (target !== undefined) return target;
    throw new Error(
      `no target ${arg}: --all, ${TARGETS.map(({ arch, libc }) => `${arch}-${libc}`).join(", ")}`,
    );
  });
  return named.length === 0 ? [ownTarget()] : named;
}

/** Builds brun for a target from the sources alone; returns the executable's path. Ends the process when that fails. */
export function build({ arch, libc }: Target): string {
  const own = ownTarget();
  // Settings of the environment that would change the files.
  run(["sh", "scripts/build.sh", "--force", "--arch", arch, "--libc", libc], {
    LC_ALL: "C",
    TZ: "UTC",
    CFLAGS_EXTRA: "",
    CC: "cc",
  });
  const name = ["brun", ...(arch === own.arch ? [] : [arch]), ...(libc === own.libc ? [] : [libc])];
  return `${ROOT}/dist/${name.join("-")}`;
}

/** The files besides the executable, as [in the checkout, mode is 644]. */
const DOCUMENTS = [
  "README.md",
  "LICENSE",
  "CHANGELOG.md",
  "SECURITY.md",
  "ARCHITECTURE.md",
  "docs",
  "examples",
];

/** Lays out an archive in a directory: brun beside what describes it. */
export function layOutArchive(directory: string, executable: string): void {
  put(executable, `${directory}/brun`, 0o755);
  for (const name of DOCUMENTS) cpSync(`${ROOT}/${name}`, `${directory}/${name}`, { recursive: true });
  for (const name of ["man", "completions"])
    cpSync(`${ROOT}/dist/${name}`, `${directory}/${name}`, { recursive: true });
}

/**
 * Lays out the root of a package.
 * @param zsh where the distribution's zsh looks for completions of packages
 */
export function layOutPackage(root: string, executable: string, zsh: string): void {
  const share = `${root}/usr/share`;
  put(executable, `${root}/usr/bin/brun`, 0o755);
  for (const page of readdirSync(`${ROOT}/dist/man`)) {
    put(`${ROOT}/dist/man/${page}`, `${share}/man/man1/${page}`);
    run(["gzip", "--no-name", "--best", `${share}/man/man1/${page}`]);
  }
  put(`${ROOT}/dist/completions/brun`, `${share}/bash-completion/completions/brun`);
  put(`${ROOT}/dist/completions/_brun`, `${root}${zsh}/_brun`);
  put(`${ROOT}/dist/completions/brun.fish`, `${share}/fish/vendor_completions.d/brun.fish`);
  put(`${ROOT}/examples/apparmor/brun`, `${share}/brun/apparmor`);
  for (const name of DOCUMENTS) cpSync(`${ROOT}/${name}`, `${share}/doc/brun/${name}`, { recursive: true });
}

function put(from: string, to: string, mode = 0o644): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
  chmodSync(to, mode);
}

/** Runs a program in the checkout and returns its stdout; ends this process with its output when it fails. */
export function run(argv: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...argv], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stderr: "pipe",
  });
  if (exitCode === 0) return stdout.toString().trim();
  const script = basename(process.argv[1] ?? "", ".ts");
  console.error(`${script}: ${argv.join(" ")}: ${stderr}${stdout}`);
  process.exit(1);
}
