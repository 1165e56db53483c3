/** Rules for a config beyond its types (runtime-spec, config.md; runc's validator). */
import { utf8Length } from "../../sys/utf8.ts";
import { show } from "../json.ts";
import type { Spec } from "../spec.ts";
import { LATEST_MINOR, minorVersion, OCI_VERSION_MAX } from "../version.ts";
import type { Findings, Mistake } from "./findings.ts";
import { validateHooks } from "./hooks.ts";
import { type NamespaceSet, namespaceSet, validateLinux } from "./linux.ts";
import { validateMounts } from "./mounts.ts";
import { validateProcess } from "./process.ts";
import { validateDomainname } from "./sysctl.ts";

/** Sections for other platforms. They are not in the schema, and are ignored. */
const FOREIGN = ["windows", "vm", "solaris", "zos", "freebsd"];

/** The maximum length for sethostname(2) and setdomainname(2): __NEW_UTS_LEN. */
const UTS_LENGTH = 64;

/**
 * Checks a spec, whose types the schema has checked.
 * @param addsUserNamespace whether brun adds a missing user namespace, and missing mappings
 */
export function validateSpec(spec: Spec, addsUserNamespace: boolean): Findings {
  const findings: Findings = { errors: [], warnings: [], notes: [] };
  const { errors, warnings, notes } = findings;
  const namespaces = namespaceSet(spec.linux.namespaces, errors);
  validateVersion(spec.ociVersion, findings);
  validateProcess(spec.process, "process", findings);
  if (spec.root.path === "")
    errors.push({ path: "root.path", text: "expected a path but found an empty string" });
  if (spec.hostname) utsName("hostname", spec.hostname, namespaces, errors);
  if (spec.domainname) {
    utsName("domainname", spec.domainname, namespaces, errors);
    if (spec.linux.sysctl !== undefined) validateDomainname(spec.domainname, spec.linux.sysctl, errors);
  }
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
    if ((spec as Record<string, unknown>)[name] != null) notes.push(`${name}: ignored, this is Linux`);
  }
  return findings;
}

/** crun's annotations that brun supports, without "run.oci.". */
const EFFECTIVE = [
  ...["delegate-cgroup", "hooks.stderr", "hooks.stdout", "keep_original_groups", "mount_context_type"],
  ...["pidfd_receiver", "seccomp_fail_unknown_syscall"],
];

/** crun's annotations that brun ignores although they would change the container, and what to use instead. */
const IGNORED: Readonly<Record<string, string>> = {
  "run.oci.handler": "brun starts programs alone, no virtual machines or WebAssembly",
  "run.oci.systemd.force_cgroup_v1": "there is one view of cgroups for all",
  "run.oci.seccomp.receiver": "linux.seccomp.listenerPath names the agent",
  "run.oci.seccomp.plugins": "linux.seccomp.listenerPath names an agent",
  "run.oci.seccomp_bpf_data": "filters are made of linux.seccomp",
};

function validateAnnotations(annotations: Readonly<Record<string, string>>, findings: Findings): void {
  for (const name in annotations) {
    if (name === "") findings.notes.push("annotations: one has an empty key, which the spec forbids");
    if (!name.startsWith("run.oci.")) continue;
    if (name === "run.oci.delegate-cgroup") delegatedPart(annotations[name]!, findings.errors);
    if (EFFECTIVE.includes(name.slice("run.oci.".length))) continue;
    const why = IGNORED[name];
    const list = why === undefined ? findings.notes : findings.warnings;
    list.push(`annotations[${show(name)}]: ignored, ${why ?? "it has no effect with brun"}`);
  }
}

function delegatedPart(path: string, errors: Mistake[]): void {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (path === "" || (names.length > 0 && !names.includes("..") && !path.includes("\0"))) return;
  errors.push({
    path: `annotations["run.oci.delegate-cgroup"]`,
    text: `expected a path below the container's cgroup but found ${show(path)}`,
  });
}

/**
 * Engines write the version that they were built with, so a later minor version gives no warning. runc
 * and crun do not check it.
 */
function validateVersion(version: string, { warnings, notes }: Findings): void {
  const minor = minorVersion(version);
  if (minor === null) {
    warnings.push(
      `ociVersion: expected 1.x.y but found ${show(version)}: the config is read as one of ${OCI_VERSION_MAX}`,
    );
  } else if (minor > LATEST_MINOR) {
    notes.push(`ociVersion: ${version} is later than ${OCI_VERSION_MAX}: what is new in it is ignored`);
  }
}

function utsName(field: string, name: string, namespaces: NamespaceSet, errors: Mistake[]): void {
  if (namespaces.uts === undefined) {
    errors.push({ path: field, text: "needs a uts namespace in linux.namespaces" });
  }
  const bytes = utf8Length(name);
  if (bytes > UTS_LENGTH) {
    errors.push({ path: field, text: `expected at most ${UTS_LENGTH} bytes but found ${bytes}` });
  }
  for (let i = 0; i < name.length; i++) {
    if (name.charCodeAt(i) > 0x20 && name[i] !== "/" && name.charCodeAt(i) !== 0x7f) continue;
    errors.push({
      path: field,
      text: `expected no spaces, slashes or control characters but found ${show(name)}`,
    });
    break;
  }
}
