/**
 * A Debian package and its repository, as dpkg-deb and apt-ftparchive would make them. The files belong to
 * several users.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { host } from "./caller.ts";

/** A file in a package. */
export interface PackagedFile {
  readonly path: string;
  /** "user:uid" and "group:gid", as tar's --owner and --group. */
  readonly owner: string;
  readonly group: string;
  readonly mode: string;
}

/**
 * Makes a repository for `deb [trusted=yes] file:DIR ./`.
 * @param postinst a script for apt-get after it has unpacked the files
 */
export function makeRepository(
  dir: string,
  name: string,
  files: readonly PackagedFile[],
  postinst: string,
): void {
  mkdirSync(`${dir}/control`, { recursive: true });
  const control =
    `Package: ${name}\nVersion: 1\nArchitecture: all\nMaintainer: brun <brun@example.org>\n` +
    "Description: files of other users\n";
  writeFileSync(`${dir}/control/control`, control);
  writeFileSync(`${dir}/control/postinst`, `#!/bin/sh\nset -e\n${postinst}\n`, { mode: 0o755 });
  const root = ["--owner=root:0", "--group=root:0"];
  host("tar", "cf", `${dir}/control.tar`, ...root, "-C", `${dir}/control`, "./control", "./postinst");
  host("tar", "cf", `${dir}/data.tar`, "-T", "/dev/null");
  for (const { path, owner, group, mode } of files) {
    writeFileSync(`${dir}/${path}`, `${path}\n`);
    const own = [`--owner=${owner}`, `--group=${group}`, `--mode=${mode}`, `--transform=s|^|./opt/|`];
    host("tar", "rf", `${dir}/data.tar`, ...own, "-C", dir, path);
  }
  const members = ["control.tar", "data.tar"].map((file) => [file, host("cat", `${dir}/${file}`)] as const);
  const bytes = ar([["debian-binary", "2.0\n"], ...members]);
  writeFileSync(`${dir}/${name}.deb`, bytes, "latin1");
  const hash = new Bun.CryptoHasher("sha256").update(Buffer.from(bytes, "latin1")).digest("hex");
  const place = `Filename: ./${name}.deb\nSize: ${bytes.length}\nSHA256: ${hash}\n`;
  writeFileSync(`${dir}/Packages`, control + place);
}

/** Makes an archive of ar(5). */
function ar(members: readonly (readonly [name: string, text: string])[]): string {
  const member = ([name, text]: readonly [string, string]) =>
    name.padEnd(16) +
    "0".padEnd(12) +
    "0".padEnd(6) +
    "0".padEnd(6) +
    "100644".padEnd(8) +
    `${text.length}`.padEnd(10) +
    `\`\n${text}${text.length % 2 === 1 ? "\n" : ""}`;
  return `!<arch>\n${members.map(member).join("")}`;
}
