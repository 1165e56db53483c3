/** `brun spec`. */
import { BrunError } from "../errors.ts";
import { serialise, specTemplate } from "../spec/template.ts";
import { E } from "../sys/errno.ts";
import { check } from "../sys/error.ts";
import { close, O, tryOpen, writeFd } from "../sys/fs.ts";
import { defineCommand } from "./command.ts";

export default defineCommand({
  meta: { name: "spec", description: "write a config.json to start from" },
  args: {
    bundle: {
      type: "string",
      alias: "b",
      valueHint: "dir",
      description: "directory to write to (default: the current directory)",
    },
    rootless: { type: "boolean", description: "for a container without root" },
  },
  details: `The new config runs "sh" in ./rootfs with a read-only root. brun runs either form without root: --rootless
writes into the config what brun would otherwise decide when it runs. The annotation
org.brun.hostname=try makes brun leave the host name out where it may not set
it, as in containers of podman and docker.

EXAMPLE
  brun spec --bundle demo`,
  run({ args }) {
    const path = args.bundle ? `${args.bundle}/config.json` : "config.json";
    const fd = tryOpen(path, O.WRONLY | O.CREAT | O.EXCL, 0o666);
    if (fd === -E.EEXIST) throw new BrunError(`File ${path} exists. Remove it first`);
    check(fd, `open ${path}`);
    writeFd(fd, serialise(specTemplate(args.rootless)), path);
    close(fd);
  },
});
