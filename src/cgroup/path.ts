/** Names of cgroups and units: from `linux.cgroupsPath` to directories. */
import { BrunError } from "../errors.ts";
import { quoted } from "../printable.ts";
import { absolute } from "../sys/fs.ts";

const WHERE = "linux.cgroupsPath";

/** Whether a cgroupsPath has systemd's form "slice:prefix:name". */
export function isUnitPath(cgroupsPath: string): boolean {
  return cgroupsPath.split(":").length === 3 && !cgroupsPath.startsWith("/");
}

/** Slice, prefix and name of a transient unit. */
export interface UnitPath {
  readonly slice: string;
  readonly unit: string;
}

/**
 * The unit for a cgroupsPath "slice:prefix:name" (runc, docs/systemd.md). An empty slice is the manager's default.
 * A name that ends in ".slice" is the unit's name. Without a cgroupsPath the unit is "brun-<id>.scope".
 * @throws BrunError the path has another form
 */
export function unitPath(cgroupsPath: string | undefined, id: string, user: boolean): UnitPath {
  const fallback = user ? "user.slice" : "system.slice";
  if (!cgroupsPath) return { slice: fallback, unit: `brun-${id}.scope` };
  const parts = cgroupsPath.split(":");
  if (parts.length !== 3) {
    throw new BrunError(
      `${WHERE}: expected "slice:prefix:name" for a systemd cgroup but found ${quoted(cgroupsPath)}`,
      {
        where: WHERE,
        hint: "give that form, or leave systemd out with --cgroup-manager=cgroupfs",
      },
    );
  }
  const [slice, prefix, name] = parts as [string, string, string];
  for (const part of parts) {
    if (part.includes("/") || /[\s\0]/.test(part)) {
      throw new BrunError(`${quoted(part)} is not a part of a unit's name`, { where: WHERE });
    }
  }
  if (name === "") throw new BrunError(`${WHERE} has no name after the second colon`, { where: WHERE });
  expandSlice(slice || fallback);
  const unit = name.endsWith(".slice") ? name : prefix === "" ? `${name}.scope` : `${prefix}-${name}.scope`;
  return { slice: slice || fallback, unit };
}

/**
 * The directory of a slice below its manager's: "a-b.slice" is in "a.slice" (systemd.slice(5)).
 * @throws BrunError not the name of a slice
 */
export function expandSlice(slice: string): string {
  const name = /^(.+)\.slice$/.exec(slice)?.[1];
  if (name === "-") return "/";
  const components = name?.split("-");
  if (components === undefined || slice.includes("/") || components.includes("")) {
    throw new BrunError(`${quoted(slice)} is not the name of a slice`, { where: WHERE });
  }
  let path = "";
  for (let i = 1; i <= components.length; i++) path += `/${components.slice(0, i).join("-")}.slice`;
  return path;
}

/** Cleans a path: empty names, "." and ".." are resolved. */
export function cleanPath(path: string): string {
  return absolute(path, "/").slice(1);
}

/** The directory that contains `path`; "/" for a path at the top. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}

/** Joins two absolute paths. */
export function below(directory: string, path: string): string {
  const relative = path.replace(/^\/+/, "");
  if (relative === "") return directory;
  return directory === "/" ? `/${relative}` : `${directory}/${relative}`;
}

/** The cgroups on a path below `directory`, deepest first. */
export function levelsBelow(directory: string, path: string): string[] {
  const levels: string[] = [];
  for (let at = below(directory, cleanPath(path)); at !== directory; at = parentOf(at)) levels.push(at);
  return levels;
}
