/** `npm run install:user`, as an ordinary user with a home of its own. */
import { expect, test } from "bun:test";
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { profileCommand } from "../rootless/apparmor.ts";
import { callerEnv, installed, ownedDir, testUser } from "./support/caller.ts";
import { boxDir, brunPath, workspace } from "./support/workspace.ts";

const ROOT = `${import.meta.dir}/..`;

/** A checkout after its build that the user can read, with what the script needs. */
function checkout(): string {
  const dir = `${workspace()}/checkout`;
  mkdirSync(`${dir}/dist`, { recursive: true });
  mkdirSync(`${dir}/scripts`);
  copyFileSync(brunPath(), `${dir}/dist/brun`);
  chmodSync(`${dir}/dist/brun`, 0o755);
  copyFileSync(`${ROOT}/scripts/install-user.sh`, `${dir}/scripts/install-user.sh`);
  for (const made of ["dist/man", "dist/completions"])
    cpSync(`${ROOT}/${made}`, `${dir}/${made}`, { recursive: true });
  return dir;
}

function files(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(dir.length + 1))
    .sort();
}

test("installs below the home, again over itself, and takes all away", () => {
  const user = testUser();
  const home = boxDir(user);
  const env: Record<string, string> = {
    ...callerEnv(user, ownedDir(user, `${home}/run`, 0o700)),
    HOME: home,
  };
  const dir = checkout();
  const call = (argv: readonly string[], path = env.PATH) => {
    const child = Bun.spawnSync([...user.prefix, ...argv], { env: { ...env, PATH: path }, cwd: home });
    return { code: child.exitCode, stdout: child.stdout.toString(), stderr: child.stderr.toString() };
  };
  const install = ["sh", `${dir}/scripts/install-user.sh`];
  const first = call(install);
  expect(first).toMatchObject({ code: 0, stderr: "" });
  expect(first.stdout).toContain(`not in PATH yet: log in again, or: PATH=${home}/.local/bin:$PATH`);
  const path = `${home}/.local/bin:${env.PATH}`;
  expect(call(install, path).stdout).not.toContain("PATH");
  expect(call(["brun", "--version"], path).stdout).toStartWith("brun version ");
  // A machine as Ubuntu's: what it says of itself is another's to write.
  const fake = `${home}/sysctl`;
  mkdirSync(fake);
  writeFileSync(`${fake}/apparmor_restrict_unprivileged_userns`, "1\n");
  const covered = `mount --bind ${fake} /proc/sys/kernel && exec sh ${dir}/scripts/install-user.sh`;
  const command = profileCommand(`${home}/.local/bin/brun`);
  expect(call(["unshare", "-rm", "sh", "-c", covered], path).stdout).toContain(
    `; as root, once: ${command}\n`,
  );
  const found = files(home);
  for (const file of [
    ".local/bin/brun",
    ".local/share/bash-completion/completions/brun",
    ".local/share/zsh/site-functions/_brun",
    ".local/share/fish/vendor_completions.d/brun.fish",
    ".local/share/man/man1/brun-run.1",
  ]) {
    expect(found).toContain(file);
  }
  if (installed("fish")) {
    expect(call(["fish", "-c", "complete -C 'brun pau'"], path).stdout).toStartWith("pause\t");
  }
  if (installed("manpath")) {
    expect(call(["man", "-w", "brun-run"], path).stdout).toContain(
      `${home}/.local/share/man/man1/brun-run.1`,
    );
  }
  expect(call([...install, "--uninstall"])).toMatchObject({ code: 0, stderr: "" });
  expect(files(home).filter((file) => file.includes("brun"))).toEqual([]);
  expect(existsSync(`${home}/.local/bin`)).toBe(true);
  expect(call([...install, "--uninstall"]).stderr).toContain("nothing to take away");
});
