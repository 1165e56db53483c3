/** `brun --version`, in runc's layout. */
import { version } from "../../package.json";
import { installedLibseccomp } from "../features/libseccomp.ts";
import { OCI_VERSION_MAX } from "../spec/version.ts";
import { defineCommand } from "./command.ts";
import { gitCommit } from "./commit.ts" with { type: "macro" };
import { print } from "./output.ts";

export default defineCommand({
  meta: { name: "version", description: "print the version, as --version does" },
  args: {},
  run() {
    print(versionText());
  },
});

/** One line each for brun, its commit, the runtime-spec, Bun and libseccomp; what is not known is left out. */
export function versionText(): string {
  const commit = gitCommit();
  const libseccomp = installedLibseccomp();
  return [
    `brun version ${version}`,
    ...(commit === "" ? [] : [`commit: ${commit}`]),
    `spec: ${OCI_VERSION_MAX}`,
    `bun: ${Bun.version}`,
    ...(libseccomp === undefined ? [] : [`libseccomp: ${libseccomp}`]),
    "",
  ].join("\n");
}
