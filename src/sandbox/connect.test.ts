import { expect, test } from "bun:test";
import { connectFailure } from "./connect.ts";

const TUN = "hint: /dev/net/tun has to be there, readable and writable for all: brun doctor";
const PORT = "hint: the port may be taken; below 1024 only root may publish one";

test.each([
  [
    "slirp4netns",
    'open("/dev/net/tun"): Permission denied\nWARNING: Support for seccomp is experimental\nchild failed(1)\n',
    `open("/dev/net/tun"): Permission denied; ${TUN}`,
  ],
  ["pasta", "Failed to open tun socket in namespace\n", `Failed to open tun socket in namespace; ${TUN}`],
  [
    "pasta",
    "Failed to bind any port for '-t 80:80', exiting\n",
    `Failed to bind any port for '-t 80:80', exiting; ${PORT}`,
  ],
  ["pasta", "Couldn't get any nameserver address\n", "Couldn't get any nameserver address"],
  ["slirp4netns", "\n", "it said nothing"],
] as const)("%s, which has said %j", (name, output, expected) => {
  expect(connectFailure(name, output).text).toBe(
    `--network ${name}: ${name} cannot connect the container: ${expected}`,
  );
});
