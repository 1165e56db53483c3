/** The packages, installed and removed in a copy of this machine that is thrown away. */
import { beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { host, installed, isRoot } from "./support/caller.ts";
import { workspace } from "./support/workspace.ts";

const ROOT = `${import.meta.dir}/..`;
const possible = process.env.BRUN_BUILDS === "full" && isRoot && installed("dpkg-deb");

/** Runs a script in an overlay over this machine's root: what it writes goes to a tmpfs of a mount namespace of its own. */
const SCRIPT = `set -e
copy=$1
mount -t tmpfs none "$copy" && mkdir "$copy/upper" "$copy/work" "$copy/root"
mount -t overlay -o "lowerdir=/,upperdir=$copy/upper,workdir=$copy/work" none "$copy/root"
mount -t proc none "$copy/root/proc"
mount --rbind /dev "$copy/root/dev"
mkdir -p "$copy/root/packages" && mount --bind "$2" "$copy/root/packages"
chroot "$copy/root" sh -c "$3"
`;

const dir = `${workspace()}/packages`;
const made = `${dir}/made`;
const inCopy = (script: string) => {
  mkdirSync(`${dir}/copy`, { recursive: true });
  writeFileSync(`${dir}/copy.sh`, SCRIPT);
  const copy = ["sh", `${dir}/copy.sh`, `${dir}/copy`, made, script];
  return host("unshare", "-m", "--propagation=private", ...copy);
};

/** What of brun is there that was not before, but for what the package managers write. */
const LEFT = "find /usr /etc /var -xdev -iname '*brun*' -newer /packages/before -print";
const KNOWN = "mkdir -p /etc/apparmor.d/abi && touch /etc/apparmor.d/abi/4.0";

if (possible) {
  beforeAll(() => {
    host("env", "BRUN_RELEASE_PRESET=0", process.execPath, `${ROOT}/scripts/packages.ts`, "--to", made);
    writeFileSync(`${made}/before`, "");
  }, 600_000);
}

describe.if(possible)("the Debian package", () => {
  const INSTALL = "dpkg -i /packages/brun_*.deb >/dev/null";

  test("has brun, manual pages, completions, documents and the AppArmor profile, all root's", () => {
    const [name, ...others] = readdirSync(made).filter((file) => file.endsWith(".deb"));
    expect(others).toEqual([]);
    const lines = host("dpkg-deb", "--contents", `${made}/${name}`).trim().split("\n");
    expect(lines.filter((line) => !line.includes(" root/root "))).toEqual([]);
    for (const file of [
      "./usr/bin/brun",
      "./usr/share/man/man1/brun-run.1.gz",
      "./usr/share/bash-completion/completions/brun",
      "./usr/share/zsh/vendor-completions/_brun",
      "./usr/share/fish/vendor_completions.d/brun.fish",
      "./usr/share/brun/apparmor",
      "./usr/share/doc/brun/docs/rootless.md",
    ]) {
      expect(lines.filter((line) => line.endsWith(` ${file}`))).toHaveLength(1);
    }
  });

  test("is installed, runs, and is removed without a trace", () => {
    const out = inCopy(
      `${INSTALL}; brun --version | head -n 1; man -w brun-run; dpkg -P brun >/dev/null; ${LEFT}`,
    );
    const [version, page, ...left] = out.trim().split("\n");
    expect(version).toStartWith("brun version ");
    expect(page).toBe("/usr/share/man/man1/brun-run.1.gz");
    expect(left).toEqual([]);
  });

  test("the profile is there where AppArmor knows user namespaces, and goes with the package", () => {
    const out = inCopy(
      `${KNOWN}; ${INSTALL}; cat /etc/apparmor.d/brun; dpkg -r brun >/dev/null; ls /etc/apparmor.d`,
    );
    expect(out).toContain("profile brun /usr/bin/brun flags=(unconfined) {\n  userns,");
    expect(out.trim().split("\n").slice(-4)).not.toContain("brun");
  });
});

describe.if(possible && installed("rpmbuild"))("the package of rpm", () => {
  // This machine's libraries are in no database of rpm.
  const INSTALL = "rpm -i --nodeps /packages/brun-*.rpm";

  test("has the same files as the Debian package, all root's, and asks for no more than glibc", () => {
    const names = (list: string) =>
      list
        .split("\n")
        .map((line) => line.trim().split(/\s+/).at(-1)!.replace(/^\.\//, "/"))
        .filter(
          (name) => /^\/usr\/.*[^/]$/.test(name) && !/zsh|_brun$|\/doc\/brun$|\/share\/brun$/.test(name),
        )
        .sort();
    const [deb, rpm] = ["deb", "rpm"].map(
      (type) => `${made}/${readdirSync(made).find((file) => file.endsWith(`.${type}`))}`,
    );
    const listed = host("rpm", "-qplv", rpm!).trim().split("\n");
    expect(listed.filter((line) => !/ root +root /.test(line))).toEqual([]);
    const files = host("dpkg-deb", "--contents", deb!)
      .split("\n")
      .filter((line) => line.startsWith("-"));
    expect(names(listed.filter((line) => line.startsWith("-")).join("\n"))).toEqual(names(files.join("\n")));
    expect(listed.some((line) => line.endsWith(" /usr/share/zsh/site-functions/_brun"))).toBe(true);
    const needs = host("rpm", "-qpR", rpm!)
      .split("\n")
      .filter((line) => line && !line.startsWith("rpmlib("));
    expect([...new Set(needs)]).toEqual(["/bin/sh", "glibc >= 2.29"]);
  });

  test("is installed, runs, and is removed without a trace, and so is the profile", () => {
    const script = `${KNOWN}; ${INSTALL}; brun --version | head -n 1; grep userns, /etc/apparmor.d/brun; rpm -V --nodeps brun`;
    const [version, rule, ...left] = inCopy(`${script}; rpm -e brun; ${LEFT}; ls /etc/apparmor.d`)
      .trim()
      .split("\n");
    expect(version).toStartWith("brun version ");
    expect(rule).toBe("  userns,");
    expect(left.filter((line) => line.includes("brun"))).toEqual([]);
  });
});
