/** Node executables for tests of the TypeScript API. */
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { host } from "./caller.ts";
import { workspace } from "./workspace.ts";

/** A copy of the machine's node, which every caller can execute; null if there is none. */
export function ownNode(): string | null {
  const path = Bun.which("node");
  return path === null ? null : copy("own", path);
}

/** The newest node of a major version from npm's registry. Throws an Error if the registry does not have it. */
export function nodeOf(major: number): string {
  const dir = `${workspace()}/npm-node-${major}`;
  const installed = `${dir}/node_modules/node/bin/node`;
  if (!existsSync(installed)) {
    mkdirSync(dir, { recursive: true });
    const flags = ["--no-save", "--no-audit", "--no-fund", "--loglevel=error"];
    host("npm", "install", "--prefix", dir, ...flags, `node@${major}`);
  }
  return installed;
}

function copy(name: string, path: string): string {
  const dir = `${workspace()}/node-${name}`;
  if (!existsSync(dir)) {
    mkdirSync(dir);
    copyFileSync(path, `${dir}/node`);
  }
  return `${dir}/node`;
}
