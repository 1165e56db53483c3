/** `brun checkpoint`. */
import { checkpoint } from "../checkpoint/checkpoint.ts";
import { defineCommand } from "./command.ts";
import { criuFlags, criuOptions } from "./criu-flags.ts";
import { openRuntime } from "./globals.ts";

export default defineCommand({
  meta: { name: "checkpoint", description: "write a running container to files, by CRIU" },
  args: {
    ...criuFlags,
    "parent-path": {
      type: "string",
      valueHint: "dir",
      description: "images of a pre-dump to add to, relative to --image-path",
    },
    "leave-running": { type: "boolean", description: "let the container go on afterwards" },
    "tcp-skip-in-flight": { type: "boolean", description: "leave out TCP connections that are being made" },
    "link-remap": {
      type: "boolean",
      description: "allow open files that have been deleted, by a link to them",
    },
    "status-fd": {
      type: "string",
      integer: true,
      orNone: true,
      valueHint: "fd",
      description: "with --lazy-pages: write a zero byte here when the page server is ready",
    },
    "page-server": {
      type: "string",
      valueHint: "address:port",
      description: "send the memory to a page server",
    },
    "pre-dump": { type: "boolean", description: "write the memory alone, and let the container go on" },
  },
  details: `Only root may do this. The container is gone afterwards, except with --leave-running or --pre-dump;
"brun restore" lets it go on from the images, here or on another machine. Annotation org.criu.config names a
configuration file for CRIU; without it that is /etc/criu/brun.conf or /etc/criu/runc.conf.

EXAMPLE
  brun checkpoint --image-path saved web`,
  run({ args, data }) {
    checkpoint(openRuntime(data), {
      ...criuOptions(args),
      parentPath: args["parent-path"] ?? "",
      leaveRunning: args["leave-running"],
      tcpSkipInFlight: args["tcp-skip-in-flight"],
      linkRemap: args["link-remap"],
      statusFd: args["status-fd"] ?? -1,
      pageServer: args["page-server"] ?? "",
      preDump: args["pre-dump"],
    });
  },
});
