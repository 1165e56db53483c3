/** SELinux labels of mounts: linux.mountLabel. */
import type { Str } from "../stage/program.ts";
import type { InitContext } from "./context.ts";

/** Which mount option carries the label; crun's annotation chooses another than "context". */
const CONTEXT_TYPE = "run.oci.mount_context_type";
const contextTypes = ["context", "fscontext", "defcontext", "rootcontext"];

/** Data for mount(2): the file system's options, with the label when the container has one. */
export function labelled(x: InitContext, data: string): Str | null {
  const label = x.config.spec.linux?.mountLabel;
  if (!label) return data === "" ? null : x.b.str(data);
  const asked = x.config.spec.annotations?.[CONTEXT_TYPE] ?? "context";
  const type = contextTypes.includes(asked) ? asked : "context";
  return x.b.str(`${data === "" ? "" : `${data},`}${type}="${label}"`);
}
