/** Bundler macro: which commit brun is built from. Runs at bundle time, never in the built brun. */

/** The commit as `git describe` names it, or "" outside a checkout. */
export function gitCommit(): string {
  const git = Bun.which("git");
  if (git === null) return "";
  const result = Bun.spawnSync([git, "describe", "--always", "--long", "--dirty"], {
    cwd: import.meta.dir,
    stderr: "ignore",
  });
  return result.success ? result.stdout.toString().trim() : "";
}
