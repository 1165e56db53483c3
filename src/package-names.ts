/** How the distribution that runs here installs what brun uses. Looked at when an error is made: nothing else asks for it. */
import { advice, type Fix, runAsRoot } from "./fix.ts";
import { readTextIfThere } from "./sys/fs.ts";

/** Distributions that share a package manager and names. */
export type Family = "debian" | "fedora" | "arch" | "alpine" | "suse";

const COMMANDS: Readonly<Record<Family, string>> = {
  debian: "apt-get install -y",
  fedora: "dnf install -y",
  arch: "pacman -S --noconfirm",
  alpine: "apk add",
  suse: "zypper install -y",
};

/** Names of packages, separated by blanks, by family; null where there is none. */
export type PackageNames = Readonly<Record<Family, string | null>>;

const everywhere = (name: string): PackageNames => ({
  debian: name,
  fedora: name,
  arch: name,
  alpine: name,
  suse: name,
});

export const PACKAGES = {
  uidmap: { ...everywhere("shadow"), debian: "uidmap", fedora: "shadow-utils", alpine: "shadow-subids" },
  libseccomp: { ...everywhere("libseccomp"), debian: "libseccomp2", suse: "libseccomp2" },
  libsystemd: { ...everywhere("systemd-libs"), debian: "libsystemd0", alpine: null, suse: "libsystemd0" },
  userSession: { ...everywhere("systemd"), debian: "dbus-user-session libpam-systemd", alpine: null },
  "fuse-overlayfs": everywhere("fuse-overlayfs"),
  fusermount3: everywhere("fuse3"),
  criu: everywhere("criu"),
  pasta: everywhere("passt"),
  slirp4netns: everywhere("slirp4netns"),
  ps: { ...everywhere("procps"), fedora: "procps-ng", arch: "procps-ng" },
} as const satisfies Readonly<Record<string, PackageNames>>;

/** Names of distributions in os-release(5) whose ID_LIKE names no family, or that are families themselves. */
const FAMILIES: Readonly<Record<string, Family>> = {
  debian: "debian",
  ubuntu: "debian",
  fedora: "fedora",
  rhel: "fedora",
  centos: "fedora",
  arch: "arch",
  alpine: "alpine",
  suse: "suse",
  opensuse: "suse",
};

/** The family that a text of os-release(5) names by ID or, the nearest first, ID_LIKE; null for others. */
export function familyOf(text: string): Family | null {
  const value = (name: string) => new RegExp(`^${name}=["']?([^"'\n]*)`, "m").exec(text)?.[1] ?? "";
  for (const id of `${value("ID")} ${value("ID_LIKE")}`.split(" ")) {
    const family = FAMILIES[id] ?? (id.startsWith("opensuse-") ? "suse" : undefined);
    if (family !== undefined) return family;
  }
  return null;
}

function osRelease(): string {
  return readTextIfThere("/etc/os-release") ?? readTextIfThere("/usr/lib/os-release") ?? "";
}

/** The command that installs packages here, for root; null where it is not known. */
export function installCommand(names: PackageNames, release: string = osRelease()): string | null {
  const family = familyOf(release);
  const name = family === null ? null : names[family];
  return family === null || name === null ? null : `${COMMANDS[family]} ${name}`;
}

/** The command that installs packages here, or the name that Debian has for them. */
export function installFix(names: PackageNames, release?: string): Fix {
  const command = installCommand(names, release);
  return command === null
    ? advice(`install what Debian's package ${names.debian} has, as root`, "root")
    : runAsRoot(command);
}

/** The same as a hint: `run "apt-get install -y uidmap" as root`. */
export function installHint(names: PackageNames, release?: string): string {
  return installFix(names, release).hint;
}
