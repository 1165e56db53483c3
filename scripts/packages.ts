/**
 * Makes packages of brun in dist/packages: .deb by dpkg-deb; .rpm and .apk (of the musl build) by nfpm where it is installed.
 *   usage: packages.ts [--all | x64-glibc | arm64-glibc | x64-musl | arm64-musl]… [--to DIRECTORY]
 * The same commit makes the same bytes.
 */
import { chmodSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
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
  x64: { deb: "amd64", rpm: "x86_64", apk: "x86_64" },
  arm64: { deb: "arm64", rpm: "aarch64", apk: "aarch64" },
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
    const executable = build(target);
    if (target.libc === "musl") apk(target, executable);
    else {
      deb(target, executable);
      rpm(target, executable);
    }
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

function rpm(target: Target, executable: string): void {
  nfpm("rpm", ARCHITECTURES[target.arch].rpm, executable, "/usr/share/zsh/site-functions", {
    depends: ["glibc >= 2.29"],
    recommends: ["shadow-utils", "libseccomp"],
    suggests: ["criu", "fuse-overlayfs", "passt"],
    rpm: { compression: "xz", buildhost: "localhost" },
    removing: '[ "$1" = 0 ]',
  });
}

function apk(target: Target, executable: string): void {
  nfpm("apk", ARCHITECTURES[target.arch].apk, executable, "/usr/share/zsh/site-functions", {
    depends: ["libstdc++", "libgcc", "libseccomp", "shadow-subids"],
    removing: "true",
  });
}

interface Settings extends Readonly<Record<string, unknown>> {
  readonly removing: string;
}

/** A package by nfpm, whose configuration in YAML may be JSON. */
function nfpm(packager: string, arch: string, executable: string, zsh: string, settings: Settings): void {
  if (Bun.which("nfpm") === null) {
    console.error(`packages: no .${packager}: nfpm is not installed (it is a Go program of goreleaser)`);
    return;
  }
  const { removing, ...formats } = settings;
  const root = `${work}/${packager}`;
  rmSync(root, { recursive: true, force: true });
  layOutPackage(root, executable, zsh);
  const script = (name: string, text: string): string => {
    writeFileSync(`${work}/${packager}.${name}`, text);
    return `${work}/${packager}.${name}`;
  };
  const config = {
    ...{ name: "brun", arch, version, license, maintainer: MAINTAINER },
    description: `${description}\n${LONG}`,
    mtime: new Date(Number(time) * 1000).toISOString(),
    contents: [...new Bun.Glob("**").scanSync({ cwd: root, dot: true })].sort().map((file) => ({
      src: `${root}/${file}`,
      dst: `/${file}`,
      file_info: {
        mode: statSync(`${root}/${file}`).mode & 0o111 ? 0o755 : 0o644,
        owner: "root",
        group: "root",
      },
    })),
    scripts: {
      postinstall: script("postinstall", AFTER_INSTALL),
      preremove: script("preremove", beforeRemoval(removing)),
    },
    ...formats,
  };
  const file = script("yaml", JSON.stringify(config));
  run(["nfpm", "package", "--config", file, "--packager", packager, "--target", directory], {
    SOURCE_DATE_EPOCH: time,
  });
}
