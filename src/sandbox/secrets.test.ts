/** Tests which places `run --host` hides as secrets. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { secretsDoc } from "../../scripts/secrets-doc.ts";
import { SECRET_PATHS } from "./secret-paths.ts";
import { hiddenPlaces } from "./secrets.ts";
import { type Fixture, fixtureView, hostSandbox, mountOn } from "./testing/fixture.ts";

const file = { type: "file", uid: 1000, gid: 1000, mode: 0o600 } as const;
const dir = { type: "dir", uid: 1000, gid: 1000, mode: 0o700 } as const;
const link = { type: "link", uid: 1000, gid: 1000, mode: 0o777 } as const;

/** The hidden places, without ~/.ssh and ~/.netrc, on a machine with these files and variables. */
function hidden(environment: Record<string, string | undefined>, fixture: Fixture = {}): string[] {
  const view = { ...fixture.view, environment: { HOME: "/home/dev", ...environment } };
  const options = { root: { kind: "host" as const }, withSecrets: false, hide: [] };
  const { places } = hiddenPlaces(options, fixtureView({ ...fixture, view }));
  return places.filter((place) => place !== "/home/dev/.ssh" && place !== "/home/dev/.netrc").sort();
}

test("docs/secrets.md is made from the lists", () => {
  expect(readFileSync(`${import.meta.dir}/../../docs/secrets.md`, "utf8")).toBe(secretsDoc());
});

test("the list: no path twice or below another, none absolute", () => {
  expect(SECRET_PATHS.filter((path) => /^\/|\/$|\/\/|^$|\s{2}/.test(path))).toEqual([]);
  expect(SECRET_PATHS.filter((path, i) => SECRET_PATHS.indexOf(path) !== i)).toEqual([]);
  const all = new Set(SECRET_PATHS);
  const above = (path: string) =>
    path
      .split("/")
      .slice(0, -1)
      .map((_, i, parts) => parts.slice(0, i + 1).join("/"));
  expect(SECRET_PATHS.filter((path) => above(path).some((one) => all.has(one)))).toEqual([]);
});

describe("variables", () => {
  const there = (...paths: string[]): Fixture => ({
    files: Object.fromEntries(paths.map((path) => [path, file])),
  });

  test.each([
    ["KUBECONFIG", "/data/a:/data/b", ["/data/a", "/data/b"]],
    ["KUBECONFIG", "kube.yaml", ["/home/dev/project/kube.yaml"]],
    ["AWS_CONFIG_FILE", "~/projects/aws", ["/home/dev/projects/aws"]],
    ["npm_config_userconfig", "/data/a", ["/data/a"]],
    ["KRB5CCNAME", "FILE:/data/a", ["/data/a"]],
    ["KRB5CCNAME", "KEYRING:persistent:1000", []],
    ["VAULT_TOKEN_FILE", "/data/a", ["/data/a"]],
    ["SSH_AUTH_SOCK", "/data/agent", ["/data/agent"]],
    ["EDITOR", "/data/a", []],
    ["GOOGLE_APPLICATION_CREDENTIALS", "/data/none", []],
  ])("%s=%s", (name, value, places) => {
    const paths = [
      "/data/a",
      "/data/b",
      "/data/agent",
      "/home/dev/project/kube.yaml",
      "/home/dev/projects/aws",
      "/home/dev/project/persistent",
    ];
    expect(hidden({ [name]: value }, there(...paths))).toEqual(places);
  });

  test.each([
    ["XDG_CONFIG_HOME", "/data", "/data/gh"],
    ["CARGO_HOME", "/data/cargo", "/data/cargo/credentials.toml"],
    ["CLAUDE_CONFIG_DIR", "~/ai", "/home/dev/ai/.credentials.json"],
    ["GEMINI_CLI_HOME", "/data", "/data/.gemini"],
    ["ZDOTDIR", "/home/dev/zsh", "/home/dev/zsh/.zsh_history"],
    ["TMPDIR", "/home/dev/tmp", "/home/dev/tmp/ssh-XXXX"],
  ])("%s=%s moves them, and what is at the usual place stays hidden", (name, value, path) => {
    const files = there(path, "/home/dev/.config/gh");
    expect(hidden({ [name]: value }, files)).toEqual(["/home/dev/.config/gh", path].sort());
  });
});

describe("homes", () => {
  test.each([undefined, "", "/", "relative", "/none"])("HOME=%s: that of /etc/passwd counts", (HOME) => {
    expect(hidden({ HOME }, { files: { "/home/dev/.aws": dir } })).toEqual(["/home/dev/.aws"]);
  });

  test("root by sudo: that of the user, too", () => {
    const view = { caller: { uid: 0, gid: 0, userName: "root", privileged: true } };
    const files = { "/root/.aws": dir, "/srv/.aws": dir };
    const places = (env: Record<string, string>) => hidden({ HOME: "/root", ...env }, { files, view });
    expect(places({})).toEqual(["/root/.aws"]);
    expect(places({ SUDO_UID: "33" })).toEqual(["/root/.aws", "/srv/.aws"]);
    expect(places({ DOAS_USER: "www" })).toEqual(["/root/.aws", "/srv/.aws"]);
    // Any user can set this variable.
    expect(hidden({ SUDO_UID: "33" }, { files })).toEqual([]);
  });

  test("--user: that of who runs the program, too", () => {
    const view = {
      caller: { uid: 0, gid: 0, userName: "root", privileged: true },
      rootless: false,
      nested: false,
    };
    const sandbox = (user: string) => hostSandbox({ user }, { files: { "/srv/.aws": dir }, view });
    expect(mountOn(sandbox("www"), "/srv/.aws")?.source).toBe("hidden");
    expect(mountOn(sandbox("root"), "/srv/.aws")).toBeUndefined();
  });

  test("links: of homes, of directories, and in directories of secrets to files of the home", () => {
    const links = {
      "/home": "/usr/home",
      "/usr/home/dev/.aws": "/data/aws",
      "/usr/home/dev/.kube/config": "../dotfiles/kube",
      "/usr/home/dev/.kube/ca": "/etc/ca",
      "/usr/home/dev/.kube/all": "../dotfiles",
    };
    const files = {
      ...Object.fromEntries(Object.keys(links).map((path) => [path, link])),
      "/home/dev": dir,
      "/home/dev/.aws": link,
      "/home/dev/.kube": dir,
      "/usr/home/dev": dir,
      "/usr/home/dev/.kube": dir,
      "/data/aws": dir,
      "/usr/home/dev/dotfiles": dir,
      "/usr/home/dev/dotfiles/kube": file,
      "/etc/ca": file,
    };
    const fixture = { links, files, cwd: "/srv" };
    expect(hidden({}, fixture)).toEqual(["/data/aws", "/usr/home/dev/.kube", "/usr/home/dev/dotfiles/kube"]);
  });

  test("a directory that may be entered, and not listed", () => {
    const view = { list: (path: string) => (path === "/home/dev" ? null : []) };
    expect(hidden({}, { files: { "/home/dev/.aws": dir }, view })).toEqual(["/home/dev/.aws"]);
  });

  test("stars", () => {
    const names = [
      ".ssh-old",
      ".config/google-chrome-beta",
      ".config/JetBrains/Idea/c.kdbx",
      ".config/chrome",
      ".zsh_history",
    ];
    const files = Object.fromEntries(names.map((name) => [`/home/dev/${name}`, file]));
    expect(hidden({}, { files })).toEqual(
      names
        .filter((name) => name !== ".config/chrome")
        .map((name) => `/home/dev/${name}`)
        .sort(),
    );
  });

  test("what holds the current directory stays, and is told", () => {
    const view = { environment: { HOME: "/home/dev", GNUPGHOME: "/home" } };
    const sandbox = hostSandbox(
      {},
      {
        files: { "/home/dev/.aws": dir, "/home/dev/.aws/project": dir },
        cwd: "/home/dev/.aws/project",
        view,
      },
    );
    expect(sandbox.notices).toEqual([
      "not hidden, since your home or the current directory is in it: /home/dev/.aws, /home",
    ]);
  });
});
