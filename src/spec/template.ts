/** The example config for this machine, in the format of Go's encoder. */
import { call, exists } from "../host/ask.ts";
import { exampleSpec, type TemplateHost } from "./example.ts";
import { toJson } from "./json.ts";
import type { Spec } from "./spec.ts";

function currentHost(): TemplateHost {
  return {
    uid: call("geteuid"),
    gid: call("getegid"),
    cgroup2: exists("/sys/fs/cgroup/cgroup.controllers"),
  };
}

/** {@link exampleSpec} for this machine. */
export function specTemplate(rootless: boolean, host = currentHost()): Spec {
  return exampleSpec(rootless, host);
}

/** The text of a config file: indented by tabs and without a final newline, as runc writes it. */
export function serialise(spec: Spec): string {
  return toJson(spec);
}
