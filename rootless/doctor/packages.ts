/** How this machine installs software. */
import { exists } from "../../src/sys/fs.ts";
import { asRoot, type Fix } from "./finding.ts";

/** Names of one package by package manager; null where there is none. */
export interface PackageNames {
  readonly apt: string;
  readonly dnf: string;
  readonly pacman: string;
  readonly apk: string | null;
  readonly zypper: string;
}

const MANAGERS: readonly (readonly [keyof PackageNames, file: string, command: string])[] = [
  ["apt", "/usr/bin/apt-get", "apt-get install -y"],
  ["dnf", "/usr/bin/dnf", "dnf install -y"],
  ["zypper", "/usr/bin/zypper", "zypper install -y"],
  ["pacman", "/usr/bin/pacman", "pacman -S --noconfirm"],
  ["apk", "/sbin/apk", "apk add"],
];

/** The command that installs a package here. */
export function install(names: PackageNames, there: (path: string) => boolean = exists): Fix {
  const manager = MANAGERS.find(([, file]) => there(file));
  const name = manager === undefined ? null : names[manager[0]];
  if (manager === undefined || name === null) return asRoot(`install the package ${names.apt}`);
  return asRoot(`${manager[2]} ${name}`);
}

const same = (name: string): PackageNames => ({
  apt: name,
  dnf: name,
  pacman: name,
  apk: name,
  zypper: name,
});

export const PACKAGES = {
  uidmap: { apt: "uidmap", dnf: "shadow-utils", pacman: "shadow", apk: "shadow-subids", zypper: "shadow" },
  libseccomp: { ...same("libseccomp"), apt: "libseccomp2", zypper: "libseccomp2" },
  libsystemd: {
    apt: "libsystemd0",
    dnf: "systemd-libs",
    pacman: "systemd-libs",
    apk: null,
    zypper: "libsystemd0",
  },
  userSession: { ...same("systemd"), apt: "dbus-user-session libpam-systemd", apk: null },
  fuseOverlayfs: same("fuse-overlayfs"),
  criu: same("criu"),
  network: same("passt"),
} as const satisfies Readonly<Record<string, PackageNames>>;
