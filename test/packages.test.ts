/** The Debian package, installed and removed in a copy of this machine that is thrown away. */
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

describe.if(possible)("the Debian package", () => {
  const dir = `${workspace()}/packages`;
  const made = `${dir}/made`;
  const inCopy = (script: string) => {
    mkdirSync(`${dir}/copy`, { recursive: true });
    writeFileSync(`${dir}/copy.sh`, SCRIPT);
    return host(
      "unshare",
      "-m",
      "--propagation=private",
      "sh",
      `${dir}/copy.sh`,
      `${dir}/copy`,
      made,
      script,
    );
  };
  const INSTALL = "dpkg -i /packages/brun_*.deb >/dev/null";

  beforeAll(() => {
    host("env", "BRUN_RELEASE_PRESET=0", process.execPath, `${ROOT}/scripts/packages.ts`, "--to", made);
  }, 600_000);

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
    const list = "find /usr /etc /var -xdev -iname '*brun*' -newer /packages/before -print";
    writeFileSync(`${made}/before`, "");
    const out = inCopy(
      `${INSTALL}; brun --version | head -n 1; man -w brun-run; dpkg -P brun >/dev/null; ${list}`,
    );
    const [version, page, ...left] = out.trim().split("\n");
    expect(version).toStartWith("brun version ");
    expect(page).toBe("/usr/share/man/man1/brun-run.1.gz");
    expect(left).toEqual([]);
  });

  test("the profile is there where AppArmor knows user namespaces, and goes with the package", () => {
    const known = "mkdir -p /etc/apparmor.d/abi && touch /etc/apparmor.d/abi/4.0";
    const out = inCopy(
      `${known}; ${INSTALL}; cat /etc/apparmor.d/brun; dpkg -r brun >/dev/null; ls /etc/apparmor.d`,
    );
    expect(out).toContain("profile brun /usr/bin/brun flags=(unconfined) {\n  userns,");
    expect(out.trim().split("\n").slice(-4)).not.toContain("brun");
  });
});
