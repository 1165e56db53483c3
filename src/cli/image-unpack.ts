/** `brun image-unpack`: the process that unpacks (src/image/unpack/child.ts). Not for people. */
import { BrunError } from "../errors.ts";
import { type Request, serve } from "../image/unpack/child.ts";
import { readFd } from "../sys/fs.ts";
import { fromUtf8 } from "../sys/utf8.ts";
import { defineCommand } from "./command.ts";

export default defineCommand({
  meta: { name: "image-unpack", hidden: true, description: "unpack layers of images" },
  args: { request: { type: "positional", description: "JSON; - reads it from stdin" } },
  details: "brun image pull starts it, in a user namespace.",
  run({ args }) {
    const text = args.request === "-" ? fromUtf8(readFd(0, "stdin")) : args.request;
    let request: Request;
    try {
      request = JSON.parse(text) as Request;
    } catch {
      throw new BrunError("the request is no JSON", { code: "ERR_USAGE" });
    }
    return serve(request);
  },
});
