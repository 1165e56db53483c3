/** Flags that checkpoint and restore share. */
import type { CriuFlags } from "../checkpoint/options.ts";
import type { Values } from "./flags.ts";
import { containerId } from "./hot-flags.ts";

export const criuFlags = {
  "container-id": containerId,
  "image-path": {
    type: "string",
    valueHint: "dir",
    description: "directory of CRIU's images (default: checkpoint in the current directory)",
  },
  "work-path": {
    type: "string",
    valueHint: "dir",
    description: "directory of CRIU's logs and temporary files (default: that of the images)",
  },
  "tcp-established": { type: "boolean", description: "take open TCP connections along" },
  "ext-unix-sk": { type: "boolean", description: "allow Unix sockets that are connected to the outside" },
  "shell-job": {
    type: "boolean",
    description: "allow a terminal of the caller's as stdin, stdout or stderr",
  },
  "file-locks": { type: "boolean", description: "take file locks along; nobody else may wait for them" },
  "manage-cgroups-mode": {
    type: "string",
    valueHint: "soft|full|strict|ignore",
    description: "what to do with cgroups below the container's (default: soft)",
  },
  "empty-ns": {
    type: "string",
    multiple: true,
    valueHint: "network",
    description: "no effect: network devices are never restored",
  },
  "auto-dedup": { type: "boolean", description: "drop pages of parent images that newer ones replace" },
  "lazy-pages": { type: "boolean", description: "fetch memory when it is touched, by userfaultfd" },
} as const;

/** What both are asked to do. */
export function criuOptions(args: Values<typeof criuFlags>): CriuFlags {
  return {
    id: args["container-id"],
    imagePath: args["image-path"] ?? "",
    workPath: args["work-path"] ?? "",
    tcpEstablished: args["tcp-established"],
    extUnixSk: args["ext-unix-sk"],
    shellJob: args["shell-job"],
    fileLocks: args["file-locks"],
    manageCgroupsMode: args["manage-cgroups-mode"] ?? "",
    emptyNs: args["empty-ns"],
    autoDedup: args["auto-dedup"],
    lazyPages: args["lazy-pages"],
  };
}
