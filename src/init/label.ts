/** SELinux labels of mounts: linux.mountLabel. */
import type { Slot, Str } from "../plan/program.ts";
import { E } from "../sys/errno.ts";
import { utf8Length } from "../sys/utf8.ts";
import type { InitContext } from "./context.ts";

/** crun's annotation for a mount option other than "context". */
const CONTEXT_TYPE = "run.oci.mount_context_type";
const contextTypes = ["context", "fscontext", "defcontext", "rootcontext"];

/** The mount option for the container's label, and the label; null if the container has none. */
export function mountLabel(x: InitContext): { readonly option: string; readonly label: string } | null {
  const label = x.config.spec.linux?.mountLabel;
  if (!label) return null;
  const asked = x.config.spec.annotations?.[CONTEXT_TYPE] ?? "context";
  return { option: contextTypes.includes(asked) ? asked : "context", label };
}

/** Labels the mount in a slot, for file systems that have no such option (runc does so with mqueue). */
export function labelMounted(x: InitContext, mounted: Slot): void {
  const found = mountLabel(x);
  if (found === null) return;
  const { b } = x;
  const args = [b.fdPath(mounted), b.str("security.selinux"), b.str(found.label), utf8Length(found.label), 0];
  b.sys("setxattr", args, { handle: [E.EOPNOTSUPP] });
}

/** Data for mount(2): the file system's options, and the container's label if it has one. */
export function labelled(x: InitContext, data: string): Str | null {
  const text = labelledText(x, data);
  return text === "" ? null : x.b.str(text);
}

/** {@link labelled} as text. */
export function labelledText(x: InitContext, data: string): string {
  const found = mountLabel(x);
  return found === null ? data : `${data === "" ? "" : `${data},`}${found.option}="${found.label}"`;
}
