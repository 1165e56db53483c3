/** Rules of `mounts` (runtime-spec, config.md#mounts). */
import { show } from "../json.ts";
import type { Mount } from "../mounts.ts";
import type { Findings, Mistake } from "./findings.ts";
import { validateMappings } from "./mappings.ts";

/**
 * Checks mounts, whose types the schema has checked.
 * @param userNamespace whether the container has a user namespace, whose mappings are the default of `idmap`
 */
export function validateMounts(mounts: readonly Mount[], userNamespace: boolean, findings: Findings): void {
  const { errors, warnings } = findings;
  for (let i = 0; i < mounts.length; i++) {
    const mount = mounts[i]!;
    const { destination, options, uidMappings, gidMappings } = mount;
    if (destination === "") {
      errors.push({
        path: `mounts[${i}].destination`,
        text: "expected an absolute path but found an empty string",
      });
    } else if (!destination.startsWith("/")) {
      const found = show(destination);
      warnings.push(
        `mounts[${i}].destination: ${found} is not absolute, which is deprecated; it starts at /`,
      );
    }
    const idmap = options !== undefined && (options.includes("idmap") || options.includes("ridmap"));
    if (!idmap && !uidMappings?.length && !gidMappings?.length) continue;
    validateIdmap(mount, `mounts[${i}]`, userNamespace, errors);
  }
}

/**
 * Checks an id-mapped mount (mount_setattr(2)): it has to be a bind mount with both mappings, or
 * with those of the container.
 */
function validateIdmap(mount: Mount, path: string, userNamespace: boolean, errors: Mistake[]): void {
  const { options = [], uidMappings = [], gidMappings = [] } = mount;
  if (!options.includes("bind") && !options.includes("rbind")) {
    errors.push({ path, text: "only bind mounts can be id-mapped; add bind or rbind to its options" });
  }
  if (uidMappings.length === 0 && gidMappings.length === 0) {
    if (!userNamespace)
      errors.push({ path, text: "idmap needs uidMappings and gidMappings, or a user namespace" });
    return;
  }
  if (uidMappings.length === 0)
    errors.push({ path: `${path}.uidMappings`, text: "missing, gidMappings needs it" });
  if (gidMappings.length === 0)
    errors.push({ path: `${path}.gidMappings`, text: "missing, uidMappings needs it" });
  validateMappings(uidMappings, `${path}.uidMappings`, errors);
  validateMappings(gidMappings, `${path}.gidMappings`, errors);
}
