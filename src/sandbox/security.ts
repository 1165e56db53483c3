/** --security-opt and its effects: seccomp, no_new_privs, AppArmor, masked and read-only paths. */
import { BrunError } from "../errors.ts";
import { parseSpec, type Seccomp } from "../spec/index.ts";
import type { HostView } from "./view.ts";

/** The restrictions of a program. */
export interface Security {
  /** undefined: the default filter; null: no filter. */
  readonly seccomp: Seccomp | null | undefined;
  /** undefined: the default. */
  readonly noNewPrivileges: boolean | undefined;
  readonly apparmorProfile: string | undefined;
  readonly maskedPaths: string[];
  readonly readonlyPaths: string[];
}

/** The masked and read-only paths without --security-opt. */
export interface DefaultPaths {
  readonly masked: readonly string[];
  readonly readonly: readonly string[];
}

/**
 * Parses podman's options: seccomp=unconfined|FILE, no-new-privileges[:true|false],
 * apparmor=PROFILE|unconfined, label=disable, mask=PATH:…, unmask=ALL|PATH:…, systempaths=unconfined. Throws
 * a BrunError.
 */
export function securityOf(options: readonly string[], paths: DefaultPaths, view: HostView): Security {
  let seccomp: Security["seccomp"];
  let noNewPrivileges: boolean | undefined;
  let apparmorProfile: string | undefined;
  let masked = [...paths.masked];
  let readonly = [...paths.readonly];
  for (const option of options) {
    const [, name = option, value = ""] = /^([\w-]+)[=:](.*)$/s.exec(option) ?? [];
    const refuse = (message: string, hint?: string): never => {
      throw new BrunError(message, { where: `--security-opt ${option}`, hint });
    };
    if (name === "seccomp") seccomp = value === "unconfined" ? null : profile(value, option, view);
    else if (name === "no-new-privileges") {
      if (!["", "true", "false"].includes(value))
        refuse(`no-new-privileges is neither true nor false, but ${value}`);
      noNewPrivileges = value !== "false";
    } else if (name === "apparmor") apparmorProfile = value === "unconfined" ? undefined : value;
    else if (name === "label") {
      if (value !== "disable")
        refuse("brun sets no SELinux labels here", "label=disable is what it does anyway");
    } else if (name === "mask") masked.push(...value.split(":"));
    else if (name === "unmask" || (name === "systempaths" && value === "unconfined")) {
      if (name === "systempaths" || value.toUpperCase() === "ALL") [masked, readonly] = [[], []];
      else {
        const shown = new Set(value.split(":"));
        masked = masked.filter((path) => !shown.has(path));
        readonly = readonly.filter((path) => !shown.has(path));
      }
    } else {
      refuse(
        `brun has no security option ${name}`,
        "seccomp=, no-new-privileges, apparmor=, label=disable, mask=, unmask= and systempaths=unconfined are there",
      );
    }
  }
  return { seccomp, noNewPrivileges, apparmorProfile, maskedPaths: masked, readonlyPaths: readonly };
}

/** Reads a filter from a file that has the form of linux.seccomp. */
function profile(path: string, option: string, view: HostView): Seccomp {
  const text = view.given(`--security-opt ${option}`, path);
  const spec = `{"ociVersion":"1.3.0","process":{"cwd":"/","args":["true"]},"root":{"path":"/"},"linux":{"seccomp":${text}}}`;
  return parseSpec(spec, path).spec.linux!.seccomp!;
}
