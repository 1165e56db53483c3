/**
 * Files of a repository by which the host's git runs programs, or finds another repository. By git's
 * documentation (gitrepository-layout, git-config, githooks), `config` names programs (core.fsmonitor,
 * core.sshCommand, filters, pagers, aliases), `hooks` contains programs, and `commondir` leads to another
 * directory with both.
 */
import { BrunError } from "../errors.ts";
import { absolute } from "../sys/fs.ts";
import { homes } from "./homes.ts";
import type { Places } from "./places.ts";
import type { ProtectedPath } from "./protected.ts";
import type { HostView } from "./view.ts";

/** The maximum of work trees, or of submodules, of one repository. More are an error. */
const MANY = 64;
/** The maximum of directories to list for submodules, whose names may have slashes. More are an error. */
const LISTED = 256;
/** The maximum size of a file that is read. */
const SIZE = 1 << 20;
const READ = 4;

/**
 * The paths to protect for a directory that is the work tree of a repository, or a git directory. Throws a
 * BrunError.
 */
export function gitPaths(directory: string, places: Places, view: HostView): ProtectedPath[] {
  const git = new Git(places, view);
  git.workTree(directory);
  return git.found;
}

class Git {
  readonly found: ProtectedPath[] = [];
  private readonly seen = new Set<string>();

  constructor(
    private readonly places: Places,
    private readonly view: HostView,
  ) {}

  workTree(directory: string): void {
    const path = `${directory}/.git`;
    // Without a repository the program could make one.
    this.found.push({ path, kind: "directory" });
    const { end } = this.places.way(path);
    const text = this.text(end);
    const leads = /^gitdir: (.+?)\n*$/.exec(text ?? "")?.[1];
    if (leads !== undefined) this.gitDirectory(absolute(leads, directory), directory);
    else if (this.view.entry(end)?.type === "dir") {
      // The git directory stays writable. Only entries of it become read-only.
      this.found.pop();
      this.gitDirectory(path, directory);
    }
    const isGitDirectory = ["HEAD", "objects", "refs"].every(
      (name) => this.view.entry(`${directory}/${name}`) !== null,
    );
    if (isGitDirectory) this.gitDirectory(directory, null);
  }

  /** @param workTree the directory for relative paths in its config */
  private gitDirectory(path: string, workTree: string | null): void {
    const { end } = this.places.way(path);
    if (this.seen.has(end) || this.view.entry(end)?.type !== "dir") return;
    this.seen.add(end);
    const common = this.text(`${path}/commondir`)?.trim();
    this.found.push({ path: `${path}/commondir`, kind: "commondir" });
    if (common !== undefined && common !== "" && common !== ".") {
      this.found.push({ path: `${path}/config.worktree`, kind: "link" });
      this.gitDirectory(absolute(common, path), workTree);
      return;
    }
    this.found.push({ path: `${path}/config`, kind: "link" }, { path: `${path}/hooks`, kind: "directory" });
    const config = this.text(`${path}/config`) ?? "";
    if (/worktreeconfig/i.test(config) || this.view.entry(`${path}/config.worktree`) !== null)
      this.found.push({ path: `${path}/config.worktree`, kind: "link" });
    this.named(config, path, workTree);
    for (const name of this.some(`${path}/worktrees`)) this.gitDirectory(`${path}/worktrees/${name}`, null);
    for (const module of this.modules(`${path}/modules`)) this.gitDirectory(module, null);
  }

  /**
   * Adds the files that a config includes, those that these include, and its hooks, if they are elsewhere.
   * Paths of other users (`~user/x`) and of git's own installation (`%(prefix)/x`) are ignored.
   * @param path the directory of the config
   */
  private named(config: string, path: string, workTree: string | null): void {
    for (const [, key = "", value = ""] of config.matchAll(
      /^\s*(path|hookspath)\s*=\s*"?([^"\n]+?)"?\s*$/gim,
    )) {
      const isHooks = key.toLowerCase() === "hookspath";
      for (const found of this.paths(value, isHooks ? workTree : path)) {
        this.found.push({ path: found, kind: isHooks ? "directory" : "link" });
        if (isHooks || this.seen.has(found)) continue;
        this.seen.add(found);
        this.named(this.text(found) ?? "", absolute("..", found), workTree);
      }
    }
  }

  /** The paths that a value of a config can stand for. `~/` is each home. */
  private paths(value: string, base: string | null): string[] {
    if (value.startsWith("~/")) return homes(this.view).map((home) => `${home}${value.slice(1)}`);
    if (/^[~%]/.test(value) || (base === null && !value.startsWith("/"))) return [];
    return [absolute(value, base ?? "/")];
  }

  private some(directory: string): readonly string[] {
    const names = this.view.entry(directory)?.type === "dir" ? (this.view.list(directory) ?? []) : [];
    if (names.length > MANY)
      throw tooMany(`${directory} has ${names.length} entries, and brun protects ${MANY} at most`);
    return names;
  }

  private modules(directory: string): string[] {
    const found: string[] = [];
    const rest = [directory];
    for (let listed = 0; rest.length > 0; listed++) {
      const path = rest.pop()!;
      const { view } = this;
      if (view.entry(path)?.type !== "dir") continue;
      if (listed >= LISTED)
        throw tooMany(`${directory} has more than the ${LISTED} entries in which brun looks for submodules`);
      if (path !== directory && view.entry(`${path}/HEAD`) !== null) found.push(path);
      else rest.push(...(view.list(path) ?? []).map((name) => `${path}/${name}`));
      if (found.length > MANY)
        throw tooMany(`${directory} has more submodules than the ${MANY} that brun protects`);
    }
    return found;
  }

  /** The text of a regular file; null for any other. */
  private text(path: string): string | null {
    const { entry, rights, text } = this.view;
    const found = entry(path);
    return found?.type === "file" && found.size <= SIZE && (rights(path) & READ) !== 0 ? text(path) : null;
  }
}

function tooMany(message: string): BrunError {
  return new BrunError(message, {
    where: "--rw",
    hint: "--rw-all protects nothing; -v DIR:DIR:ro keeps a directory of it read-only",
  });
}
