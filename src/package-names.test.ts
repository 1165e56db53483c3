import { expect, test } from "bun:test";
import { familyOf, installHint, PACKAGES, type PackageNames } from "./package-names.ts";

test.each([
  ["Debian", 'PRETTY_NAME="Debian GNU/Linux 12"\nNAME=Debian\nID=debian\n', "apt-get install -y uidmap"],
  ["Ubuntu", "ID=ubuntu\nID_LIKE=debian\n", "apt-get install -y uidmap"],
  ["Mint", 'ID=linuxmint\nID_LIKE="ubuntu debian"\n', "apt-get install -y uidmap"],
  ["Fedora", "NAME=Fedora\nID=fedora\n", "dnf install -y shadow-utils"],
  ["Rocky", 'ID="rocky"\nID_LIKE="rhel centos fedora"\n', "dnf install -y shadow-utils"],
  ["Arch", "ID=arch\nBUILD_ID=rolling\n", "pacman -S --noconfirm shadow"],
  ["Alpine", 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.22.0\n', "apk add shadow-subids"],
  ["Leap", 'ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', "zypper install -y shadow"],
  ["Tumbleweed", 'ID="opensuse-tumbleweed"\n', "zypper install -y shadow"],
])("the command of %s", (_, release, command) => {
  expect(installHint(PACKAGES.uidmap, release)).toBe(`run "${command}" as root`);
});

test("a distribution that is not known, and one without the package", () => {
  expect(familyOf("ID=nixos\n")).toBeNull();
  expect(familyOf("")).toBeNull();
  expect(installHint(PACKAGES.criu, "ID=nixos\n")).toBe("install what Debian's package criu has, as root");
  expect(installHint(PACKAGES.libsystemd, "ID=alpine\n")).toContain("libsystemd0");
});

test("each package has a name for Debian, and no name is anything but words", () => {
  const tables: PackageNames[] = Object.values(PACKAGES);
  for (const names of tables) {
    expect(names.debian).not.toBeNull();
    for (const name of Object.values(names)) expect(name ?? "x").toMatch(/^[a-z0-9.+-]+( [a-z0-9.+-]+)*$/);
  }
});
