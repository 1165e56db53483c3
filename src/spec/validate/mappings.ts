/** Rules of id mappings (user_namespaces(7)). */
import { each, mapped } from "../../sys/lists.ts";
import type { IDMapping } from "../mounts.ts";
import type { Mistake } from "./findings.ts";

/** The maximum number of lines in a uid_map or gid_map since Linux 4.15. */
const MAX_LINES = 340;

/** The end of the valid ids: they have 32 bits, and the last number is no id. */
const END = 2 ** 32 - 1;

/** Checks that no id is mapped twice, on either side, and that all ids are valid. */
export function validateMappings(mappings: readonly IDMapping[], path: string, errors: Mistake[]): void {
  if (mappings.length > MAX_LINES) {
    errors.push({ path, text: `expected at most ${MAX_LINES} mappings but found ${mappings.length}` });
  }
  each(mappings, ({ containerID, hostID, size }, i) => {
    if (size === 0) errors.push({ path: `${path}[${i}].size`, text: "expected at least 1 but found 0" });
    if (containerID + size > END || hostID + size > END) {
      errors.push({ path: `${path}[${i}]`, text: `ends after the last id, ${END - 1}` });
    }
  });
  if (mappings.length < 2) return;
  overlaps(mappings, "containerID", path, errors);
  overlaps(mappings, "hostID", path, errors);
}

function overlaps(
  mappings: readonly IDMapping[],
  side: "containerID" | "hostID",
  path: string,
  errors: Mistake[],
): void {
  const order = mapped(mappings, (_, i) => i).sort((a, b) => mappings[a]![side] - mappings[b]![side]);
  for (let i = 1; i < order.length; i++) {
    const [below, above] = [mappings[order[i - 1]!]!, mappings[order[i]!]!];
    if (below[side] + below.size <= above[side]) continue;
    const [first, second] = [order[i - 1]!, order[i]!].sort((a, b) => a - b);
    errors.push({
      path: `${path}[${second}].${side}`,
      text: `${above[side]} is also in the range of ${path}[${first}]`,
    });
  }
}
