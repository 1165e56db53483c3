import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { realpathSync } from "node:fs";
import { installHint, PACKAGES } from "../package-names.ts";
import { libseccomp, libseccompVersion } from "./library.ts";

test("libseccompVersion is three numbers", () => {
  expect(libseccompVersion()).toMatch(/^2\.\d+\.\d+$/);
  expect(libseccomp()).toBe(libseccomp());
});

const mayUnshare = spawnSync("unshare", ["-rm", "true"]).status === 0;

test.skipIf(!mayUnshare)("a missing library is an error that names the package", () => {
  const maps = spawnSync("cat", ["/proc/self/maps"]); // finds the directory of libc, which libseccomp is in, too
  const libc = /(\/\S+)\/libc\.so\.6$/m.exec(String(maps.stdout))![1]!;
  const library = realpathSync(`${libc}/libseccomp.so.2`);
  const script = `
    const { compileSeccomp } = await import(${JSON.stringify(`${import.meta.dir}/compile.ts`)});
    try {
      compileSeccomp({ defaultAction: "SCMP_ACT_ALLOW" });
    } catch (error) {
      console.log(error.name, "|", error.where, "|", error.message, "|", error.hint);
    }
  `;
  const hidden = 'mount --bind /dev/null "$1" && exec "$2" -e "$3"';
  const result = spawnSync("unshare", ["-rm", "sh", "-c", hidden, "sh", library, process.execPath, script], {
    encoding: "utf8",
  });
  expect(result.stdout).toBe(
    "BrunError | linux.seccomp | libseccomp.so.2 cannot be loaded, and the config has a seccomp profile | " +
      `${installHint(PACKAGES.libseccomp)}\n`,
  );
});
