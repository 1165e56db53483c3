/** `brun image-unpack`: the process that unpacks (src/image/unpack/child.ts). Not for people. */
import { BrunError } from "../errors.ts";
import { type Request, serveAll, serveOnce } from "../image/unpack/child.ts";
import { defineCommand } from "./command.ts";

export default defineCommand({
  meta: { name: "image-unpack", hidden: true, description: "unpack layers of images" },
  args: {
    store: { type: "positional", description: "the directory of the images" },
    request: {
      type: "positional",
      required: false,
      description: "JSON, whose input is stdin; without it stdin is a socket for requests",
    },
  },
  details: "brun image pull starts it, in a user namespace.",
  run({ args }) {
    if (args.request === undefined) return serveAll(args.store, 0);
    let request: Request;
    try {
      request = JSON.parse(args.request) as Request;
    } catch {
      throw new BrunError("the request is no JSON", { code: "ERR_USAGE" });
    }
    return serveOnce(args.store, request, 0);
  },
});
