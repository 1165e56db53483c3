/**
 * Files of a repository by which the host's git runs programs, or finds another repository. By git's
 * documentation (gitrepository-layout, git-config, githooks), `config` names programs (core.fsmonitor,
 * core.sshCommand, filters, pagers, aliases), `hooks` contains programs, and `commondir` leads to another
 * directory with both.
 */
import { BrunError } from "../errors.ts";
import { absolute } from "../sys/fs.ts";
import { gitVariables } from "./git-config.ts";
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
/** The config of the machine, unless git was built for another place. */
const SYSTEM_CONFIG = "/etc/gitconfig";
/**
 * Names of the variables whose values git runs (git-config(1)). All of the section `pager` are run, and so is a value that
 * begins with `!`.
 */
const COMMANDS = new Set(
  (
    "askpass clean cmd command defaultcommand difffilter driver editor external fsmonitor gitproxy helper " +
    "packobjectshook pager process program receivepack sendmailcmd smudge sshcommand textconv tocmd cccmd uploadpack"
  ).split(" "),
);

/**
 * The paths to protect for a directory that is the work tree of a repository, or a git directory. Throws a
 * BrunError.
 */
export function gitPaths(directory: string, places: Places, view: HostView): ProtectedPath[] {
  const git = new Git(places, view);
  git.workTree(directory);
  git.everywhere(directory);
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
      this.config(`${path}/config.worktree`, workTree);
      this.gitDirectory(absolute(common, path), workTree);
      return;
    }
    this.found.push({ path: `${path}/config`, kind: "link" }, { path: `${path}/hooks`, kind: "directory" });
    const config = this.text(`${path}/config`) ?? "";
    this.named(config, path, workTree);
    if (/worktreeconfig/i.test(config) || this.view.entry(`${path}/config.worktree`) !== null)
      this.config(`${path}/config.worktree`, workTree);
    for (const name of this.some(`${path}/worktrees`)) this.gitDirectory(`${path}/worktrees/${name}`, null);
    for (const module of this.modules(`${path}/modules`)) this.gitDirectory(module, null);
  }

  /**
   * The configs of the user and of the machine (git-config(1), "FILES"), which apply to every repository.
   * @param workTree the directory for relative paths of hooks
   */
  everywhere(workTree: string): void {
    const { GIT_CONFIG_SYSTEM, GIT_CONFIG_GLOBAL, XDG_CONFIG_HOME } = this.view.environment;
    const ofHomes = homes(this.view).flatMap((home) => [`${home}/.gitconfig`, `${home}/.config/git/config`]);
    const given = [GIT_CONFIG_SYSTEM, GIT_CONFIG_GLOBAL, XDG_CONFIG_HOME && `${XDG_CONFIG_HOME}/git/config`];
    for (const path of [SYSTEM_CONFIG, ...ofHomes, ...given])
      if (path?.startsWith("/")) this.config(path, workTree);
  }

  private config(path: string, workTree: string | null): void {
    this.found.push({ path, kind: "link" });
    const { end } = this.places.way(path);
    if (this.seen.has(end)) return;
    this.seen.add(end);
    this.named(this.text(path) ?? "", path.slice(0, path.lastIndexOf("/")), workTree);
  }

  /**
   * Adds the files that a config includes, those that these include, its hooks, if they are elsewhere, and the
   * programs that it names. Paths of other users (`~user/x`) and of git's own installation (`%(prefix)/x`) are ignored.
   * @param path the directory of the config
   * @param above the work tree, if the config does not name it, as that of a submodule does
   */
  private named(config: string, path: string, above: string | null): void {
    const variables = gitVariables(config);
    const own = variables.find(({ key }) => key === "core.worktree")?.value;
    const workTree = own === undefined ? above : absolute(own, path);
    for (const { key, value } of variables) {
      if (key === "core.hookspath")
        for (const found of this.paths(value, workTree)) this.found.push({ path: found, kind: "directory" });
      else if (key === "include.path" || key === "includeif.path")
        for (const found of this.paths(value, path)) this.config(found, workTree);
      else if (isCommand(key, value)) this.command(value, workTree);
    }
  }

  /**
   * Adds each file that a command names: the program, if it is named by a path, and existing files among the arguments,
   * such as the script of an interpreter. git runs most commands by a shell in the top directory of the work tree.
   */
  private command(value: string, workTree: string | null): void {
    const words = value.split(/[\s"'`\\;|&()<>!=]+/).filter((word) => word !== "" && !word.startsWith("-"));
    for (const [i, word] of words.entries()) {
      // A program without a slash is one of PATH.
      if (i === 0 && !word.includes("/")) continue;
      for (const path of this.paths(word, workTree))
        if (i === 0 || this.view.entry(this.places.way(path).end)?.type === "file")
          this.found.push({ path, kind: "socket" });
    }
  }

  /**
   * The paths that a value of a config can stand for. `~/` is each home. `..` stays in them, because after a
   * link it leads to another place.
   */
  private paths(value: string, base: string | null): string[] {
    if (value.startsWith("~/")) return homes(this.view).map((home) => `${home}${value.slice(1)}`);
    if (value.startsWith("/")) return [value];
    return /^[~%]/.test(value) || base === null ? [] : [`${base}/${value}`];
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

  /** The text of a regular file, also at the end of links; null for any other. */
  private text(path: string): string | null {
    const { entry, rights, text } = this.view;
    const { end } = this.places.way(path);
    const found = entry(end);
    return found?.type === "file" && found.size <= SIZE && (rights(end) & READ) !== 0 ? text(end) : null;
  }
}

function isCommand(key: string, value: string): boolean {
  return (
    COMMANDS.has(key.slice(key.lastIndexOf(".") + 1)) || key.startsWith("pager.") || value.startsWith("!")
  );
}

function tooMany(message: string): BrunError {
  return new BrunError(message, {
    where: "--rw",
    hint: "--rw-all protects nothing; -v DIR:DIR:ro keeps a directory of it read-only",
  });
}
