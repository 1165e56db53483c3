/**
 * Makes packages of brun in dist/packages: .deb by dpkg-deb, .rpm by rpmbuild where it is installed. Both are of the builds
 * for glibc; for musl there is the release archive.
 *   usage: packages.ts [--all | x64-glibc | arm64-glibc]… [--to DIRECTORY]
 * The same commit makes the same bytes.
 */
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { description, license, version } from "../package.json";
import { build, layOutPackage, run, type Target, targetsOf } from "./shipped.ts";

const ROOT = `${import.meta.dir}/..`;
const MAINTAINER = "The brun authors <brun@localhost>";
const LONG = `It takes OCI bundles, and runc's commands, flags and files, so that podman, docker,
containerd and CRI-O can use it as their runtime; and it runs programs in a
throw-away copy of the machine or in a directory, for users without root.`;

/** Names of the machine in package formats. */
const ARCHITECTURES = {
  x64: { deb: "amd64", rpm: "x86_64" },
  arm64: { deb: "arm64", rpm: "aarch64" },
} as const;

/** Ubuntu's user namespaces need a profile; an AppArmor that does not know the rule (before 4.0) would refuse the file. */
const PROFILE_IN = `if [ -e /etc/apparmor.d/abi/4.0 ]; then
  sed 's|^profile brun .* flags|profile brun /usr/bin/brun flags|' /usr/share/brun/apparmor >/etc/apparmor.d/brun
  if [ -e /sys/kernel/security/apparmor ]; then apparmor_parser -r /etc/apparmor.d/brun || :; fi
fi
`;
const PROFILE_OUT = `if [ -e /etc/apparmor.d/brun ]; then
  if [ -e /sys/kernel/security/apparmor ]; then apparmor_parser -R /etc/apparmor.d/brun || :; fi
  rm -f /etc/apparmor.d/brun
fi
`;
const AFTER_INSTALL = `#!/bin/sh\nset -e\n${PROFILE_IN}`;

/** @param removing a shell condition: scripts run at upgrades, too */
const beforeRemoval = (removing: string) => `#!/bin/sh\nset -e\nif ${removing}; then\n${PROFILE_OUT}fi\n`;

const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  options: { all: { type: "boolean" }, to: { type: "string" } },
  allowPositionals: true,
});
const directory = resolve(values.to ?? `${ROOT}/dist/packages`);
const work = `${directory}/.work`;
const time = run(["git", "log", "-1", "--format=%ct"]);
rmSync(directory, { recursive: true, force: true });
try {
  for (const target of targetsOf(values.all ? ["--all"] : positionals)) {
    if (target.libc === "musl") continue;
    const executable = build(target);
    deb(target, executable);
    rpm(target, executable);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
for (const name of readdirSync(directory)) console.log(`${directory}/${name}`);

function deb({ arch }: Target, executable: string): void {
  const root = `${work}/deb`;
  rmSync(root, { recursive: true, force: true });
  layOutPackage(root, executable, "/usr/share/zsh/vendor-completions");
  const name = ARCHITECTURES[arch].deb;
  const kilobytes = Math.ceil(Number(run(["du", "-sk", "--apparent-size", root]).split("\t")[0]));
  mkdirSync(`${root}/DEBIAN`, { recursive: true });
  const files: Record<string, string> = {
    control: `Package: brun
Version: ${version}
Architecture: ${name}
Maintainer: ${MAINTAINER}
Installed-Size: ${kilobytes}
Depends: libc6 (>= 2.29)
Recommends: uidmap, libseccomp2 (>= 2.5)
Suggests: criu, fuse-overlayfs, fuse3, libsystemd0, passt
Section: admin
Priority: optional
Description: ${description}
 ${LONG.replaceAll("\n", "\n ")}
`,
    postinst: AFTER_INSTALL,
    prerm: beforeRemoval('[ "$1" = remove ]'),
  };
  for (const [file, text] of Object.entries(files)) {
    writeFileSync(`${root}/DEBIAN/${file}`, text);
    chmodSync(`${root}/DEBIAN/${file}`, file === "control" ? 0o644 : 0o755);
  }
  run(["sh", "-c", 'chmod -R u=rwX,go=rX "$1/usr"', "sh", root]);
  run(
    [
      "dpkg-deb",
      "--root-owner-group",
      `-z${process.env.BRUN_RELEASE_PRESET ?? "9"}`,
      "-Zxz",
      "--build",
      root,
      `${directory}/brun_${version}_${name}.deb`,
    ],
    {
      SOURCE_DATE_EPOCH: time,
    },
  );
}

/** By rpmbuild, which Debian has too: it is only laid out, nothing is compiled. */
function rpm({ arch }: Target, executable: string): void {
  if (Bun.which("rpmbuild") === null) {
    console.error("packages: no .rpm: rpmbuild is not installed (Debian: apt-get install rpm)");
    return;
  }
  const root = `${work}/rpm`;
  rmSync(root, { recursive: true, force: true });
  layOutPackage(`${root}/tree`, executable, "/usr/share/zsh/site-functions");
  run(["sh", "-c", 'chmod -R u=rwX,go=rX "$1"', "sh", `${root}/tree`]);
  const files = [...new Bun.Glob("**").scanSync({ cwd: `${root}/tree`, dot: true })].sort();
  // Nobody else has files in these directories: they are removed with the package.
  const directories = new Set(files.map((file) => dirname(file)).filter((path) => /\/brun(\/|$)/.test(path)));
  const name = ARCHITECTURES[arch].rpm;
  const level = process.env.BRUN_RELEASE_PRESET ?? "9";
  const spec = `%global debug_package %{nil}
%global __os_install_post %{nil}
%global _build_id_links none
%global _buildhost localhost
%global use_source_date_epoch_as_buildtime 1
%global clamp_mtime_to_source_date_epoch 1
%global _binary_payload w${level}.xzdio
Name: brun
Version: ${version}
Release: 1
Summary: ${description}
License: ${license}
AutoReqProv: no
Requires: glibc >= 2.29
Recommends: shadow-utils, libseccomp
Suggests: criu, fuse-overlayfs, passt
%description
${LONG}
%install
cp -a ${root}/tree/. %{buildroot}
%files
%defattr(-,root,root)
${[...directories].map((path) => `%dir "/${path}"`).join("\n")}
${files.map((file) => `"/${file}"`).join("\n")}
%post -p /bin/sh
${PROFILE_IN}%preun -p /bin/sh
if [ "$1" = 0 ]; then
${PROFILE_OUT}fi
`;
  writeFileSync(`${root}/brun.spec`, spec);
  run(
    [
      ...["rpmbuild", "-bb", "--quiet", `--target=${name}-linux`, `--define=_topdir ${root}`],
      ...[`--define=_rpmdir ${directory}`, "--define=_rpmfilename %{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm"],
      `${root}/brun.spec`,
    ],
    { SOURCE_DATE_EPOCH: time },
  );
}
