/** The rules of a config that its types do not express (runtime-spec, config.md; runc's validator). */
import { show } from "../json.ts";
import type { Spec } from "../spec.ts";
import type { Findings } from "./findings.ts";
import { validateHooks } from "./hooks.ts";
import { type NamespaceSet, namespaceSet, validateLinux } from "./linux.ts";
import { validateMounts } from "./mounts.ts";
import { validateProcess } from "./process.ts";

/** Sections for other platforms: they are not in the schema, and ignored with a warning. */
const FOREIGN = ["windows", "vm", "solaris", "zos", "freebsd"];

/** sethostname(2) and setdomainname(2): __NEW_UTS_LEN. */
const UTS_LENGTH = 64;

/**
 * Checks a spec that has the schema's types.
 * @param addsUserNamespace the caller gets a user namespace, with mappings, where the spec has none
 */
export function validateSpec(spec: Spec, addsUserNamespace: boolean): Findings {
  const findings: Findings = { errors: [], warnings: [] };
  const { errors, warnings } = findings;
  const namespaces = namespaceSet(spec.linux.namespaces, errors);
  if (!supportsVersion(spec.ociVersion)) {
    errors.push(`ociVersion: expected 1.0.x to 1.3.x but found ${show(spec.ociVersion)}`);
  }
  validateProcess(spec.process, "process", findings);
  if (spec.root.path === "") errors.push("root.path: expected a path but found an empty string");
  if (spec.hostname) utsName("hostname", spec.hostname, namespaces, errors);
  if (spec.domainname) utsName("domainname", spec.domainname, namespaces, errors);
  if (spec.mounts !== undefined) {
    if (spec.mounts.length > 0 && namespaces.mount === undefined) {
      warnings.push(
        "mounts: without a mount namespace in linux.namespaces they are made on the host, and stay",
      );
    }
    validateMounts(spec.mounts, namespaces.user !== undefined || addsUserNamespace, findings);
  }
  if (spec.hooks !== undefined) validateHooks(spec.hooks, errors);
  if (spec.annotations !== undefined) validateAnnotations(spec.annotations, findings);
  validateLinux(spec.linux, namespaces, addsUserNamespace, findings);
  for (const name of FOREIGN) {
    if ((spec as Record<string, unknown>)[name] != null) warnings.push(`${name}: ignored, this is Linux`);
  }
  return findings;
}

/** Annotations of crun that have an effect here, after "run.oci.". */
const EFFECTIVE = [
  ...["delegate-cgroup", "hooks.stderr", "hooks.stdout", "keep_original_groups", "mount_context_type"],
  ...["pidfd_receiver", "seccomp_fail_unknown_syscall"],
];

/** Annotations of crun that have no effect here, and what there is instead. */
const IGNORED: Readonly<Record<string, string>> = {
  "run.oci.handler": "brun starts programs alone, no virtual machines or WebAssembly",
  "run.oci.systemd.subgroup": "the container's processes are in the scope itself",
  "run.oci.systemd.force_cgroup_v1": "there is one view of cgroups for all",
  "run.oci.seccomp.receiver": "linux.seccomp.listenerPath names the agent",
  "run.oci.seccomp.plugins": "linux.seccomp.listenerPath names an agent",
  "run.oci.seccomp_bpf_data": "filters are made of linux.seccomp",
};

function validateAnnotations(annotations: Readonly<Record<string, string>>, findings: Findings): void {
  for (const name in annotations) {
    if (name === "") findings.errors.push("annotations: expected keys but found an empty one");
    if (!name.startsWith("run.oci.")) continue;
    if (name === "run.oci.delegate-cgroup") delegatedPart(annotations[name]!, findings.errors);
    if (EFFECTIVE.includes(name.slice("run.oci.".length))) continue;
    const why = IGNORED[name] ?? "brun does not know it";
    findings.warnings.push(`annotations[${show(name)}]: ignored, ${why}`);
  }
}

function delegatedPart(path: string, errors: string[]): void {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (path === "" || (names.length > 0 && !names.includes("..") && !path.includes("\0"))) return;
  errors.push(
    `annotations["run.oci.delegate-cgroup"]: expected a path below the container's cgroup but found ${show(path)}`,
  );
}

/** 1.0.0 to 1.3.x, with any suffix ("1.0.2-dev"): versions are compatible upwards within a major one. */
function supportsVersion(version: string): boolean {
  const digit = (at: number, last: number) =>
    version.charCodeAt(at) >= 0x30 && version.charCodeAt(at) <= last;
  return version.startsWith("1.") && digit(2, 0x33) && version[3] === "." && digit(4, 0x39);
}

function utsName(field: string, name: string, namespaces: NamespaceSet, errors: string[]): void {
  if (namespaces.uts === undefined) {
    errors.push(`${field}: needs a uts namespace in linux.namespaces`);
  }
  const bytes = Buffer.byteLength(name);
  if (bytes > UTS_LENGTH) {
    errors.push(`${field}: expected at most ${UTS_LENGTH} bytes but found ${bytes}`);
  }
  for (let i = 0; i < name.length; i++) {
    if (name.charCodeAt(i) > 0x20 && name[i] !== "/" && name.charCodeAt(i) !== 0x7f) continue;
    errors.push(`${field}: expected no spaces, slashes or control characters but found ${show(name)}`);
    break;
  }
}
