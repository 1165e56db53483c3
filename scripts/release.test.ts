import { expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { BUILT_IN, bundled, type Lock, sbom } from "./sbom.ts";

const ROOT = `${import.meta.dir}/..`;
const lock: Lock = JSON.parse(readFileSync(`${ROOT}/package-lock.json`, "utf8"));

test("the bill of materials has what is in the file and nothing else, and refers to itself alone", () => {
  const { components, dependencies, metadata } = JSON.parse(sbom(lock));
  const names: string[] = components.map(({ name }: { name: string }) => name);
  expect(names).toEqual(expect.arrayContaining([...BUILT_IN]));
  expect(names).not.toContain("typescript");
  expect(names).not.toContain("fast-check");
  expect(bundled(lock)).toHaveLength(names.length);
  const known = new Set([
    metadata.component["bom-ref"],
    ...components.map((c: Record<string, string>) => c["bom-ref"]),
  ]);
  for (const { ref, dependsOn } of dependencies)
    for (const one of [ref, ...dependsOn]) expect(known).toContain(one);
  for (const { purl, hashes } of components) {
    expect(purl).toMatch(/^pkg:npm\/(%40[\w-]+\/)?[\w.-]+@\d+\.\d+\.\d+$/);
    expect(hashes?.[0].content ?? "0".repeat(128)).toMatch(/^[0-9a-f]{128}$/);
  }
  expect(sbom(lock)).toBe(sbom(lock));
});

test("it lists what the sources import", () => {
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  const imported = new Set<string>(["bun"]); // the runtime
  for (const file of new Bun.Glob("{src,rootless}/**/*.ts").scanSync(ROOT)) {
    if (/\.test\.ts$|\/testing\//.test(file)) continue;
    for (const { path } of transpiler.scanImports(readFileSync(`${ROOT}/${file}`, "utf8")))
      if (!/^[./]|:/.test(path)) imported.add(path.split("/")[0]!);
  }
  expect([...imported].sort()).toEqual([...BUILT_IN]);
});

test("nested packages are found as node does", () => {
  const nested: Lock = {
    packages: {
      "": { version: "1.0.0", dependencies: { a: "1" } },
      "node_modules/a": { version: "1.0.0", dependencies: { "@s/b": "2" } },
      "node_modules/a/node_modules/@s/b": { version: "2.0.0", dependencies: { c: "1" } },
      "node_modules/@s/b": { version: "1.0.0" },
      "node_modules/c": { version: "3.0.0" },
      "node_modules/bun": { version: "1.4.5" },
    },
  };
  expect(bundled(nested, ["a", "c", "bun"])).toEqual([
    "node_modules/a",
    "node_modules/a/node_modules/@s/b",
    "node_modules/bun",
    "node_modules/c",
  ]);
  expect(() => bundled({ packages: {} }, ["x"])).toThrow("has no x");
});

// It builds brun twice: npm run test:builds does it.
test.skipIf(!existsSync(`${ROOT}/.git`) || process.env.BRUN_BUILDS !== "full")(
  "two releases of one commit are the same bytes, wherever they are made",
  async () => {
    const base = mkdtempSync(`${tmpdir()}/brun-release-`);
    try {
      const sums = await Promise.all(
        [
          { place: "one", env: { TZ: "Asia/Tokyo", LANG: "C", HOME: base } },
          { place: "two/is/deeper", env: { TZ: "America/Lima", LANG: "de_DE.UTF-8", HOME: "/" } },
        ].map(async ({ place, env }) => {
          const checkout = `${base}/${place}`;
          mkdirSync(checkout, { recursive: true });
          // As in a fresh clone: the commit, not what lies around.
          expect(Bun.spawnSync(["git", "clone", "-q", "--no-hardlinks", ROOT, checkout]).exitCode).toBe(0);
          // Not a symbolic link: the way to what it leads to would be in the names of modules.
          const copied = Bun.spawnSync([
            "sh",
            "-c",
            'cp -al "$1" "$2" 2>/dev/null || cp -a "$1" "$2"',
            "sh",
            `${ROOT}/node_modules`,
            checkout,
          ]);
          expect(copied.exitCode).toBe(0);
          const { PATH } = process.env;
          const child = Bun.spawn([process.execPath, "scripts/release.ts"], {
            cwd: checkout,
            env: { PATH, ...env, BRUN_RELEASE_PRESET: "0" },
            stderr: "pipe",
          });
          expect(await child.stderr.text()).toBe("");
          expect(await child.exited).toBe(0);
          expect(readdirSync(`${checkout}/dist/release`)).toHaveLength(3);
          return readFileSync(`${checkout}/dist/release/SHA256SUMS`, "utf8");
        }),
      );
      expect(sums[0]).toMatch(
        /^[0-9a-f]{64} {2}brun-[\d.]+\.cdx\.json\n[0-9a-f]{64} {2}brun-[\d.]+-linux-\w+\.tar\.xz\n$/,
      );
      expect(sums[1]).toBe(sums[0]!);
      await installs(`${base}/one/dist/release`, `${base}/home`);
    } finally {
      rmSync(base, { recursive: true, force: true });
    }
  },
  600000,
);

/** The script for CI jobs installs the archive that a server has, and no other than the one that is asked for. */
async function installs(release: string, home: string): Promise<void> {
  // The user that root becomes below has to reach it.
  chmodSync(dirname(home), 0o755);
  mkdirSync(home);
  const archive = readdirSync(release).find((name) => name.endsWith(".tar.xz"))!;
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ url }) => new Response(Bun.file(`${release}${new URL(url).pathname}`)),
  });
  const install = async (sha256: string) => {
    // Root would install for everyone.
    const user = process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--clear-groups"] : [];
    if (user.length > 0) chownSync(home, 65534, 0);
    const child = Bun.spawn([...user, "sh", `${ROOT}/examples/ci/setup-brun/install.sh`], {
      env: {
        PATH: process.env.PATH,
        HOME: home,
        URL: `http://127.0.0.1:${server.port}`,
        VERSION: lock.packages[""]!.version,
        SHA256: sha256,
      },
      stderr: "pipe",
    });
    return [await child.exited, await child.stdout.text(), await child.stderr.text()];
  };
  const sha256 = new Bun.CryptoHasher("sha256").update(readFileSync(`${release}/${archive}`)).digest("hex");
  expect(await install(sha256)).toEqual([0, expect.stringMatching(/^brun version/), ""]);
  expect(existsSync(`${home}/.local/bin/brun`)).toBe(true);
  const wrong = await install(sha256.replace(/^./, (digit) => (digit === "0" ? "1" : "0")));
  expect(wrong[0]).toBe(1);
  expect(wrong[2]).toContain(`${archive} does not have the checksum`);
}
