/**
 * Two network namespaces for tests of `--allow-net`: the "host", in which brun runs, and the world, in which
 * the servers run. Only root can connect them.
 */
import { writeFileSync } from "node:fs";
import { host } from "./caller.ts";
import { CERTIFICATE } from "./certificate.ts";
import type { ServerPlan } from "./network-server.ts";
import { until } from "./processes.ts";
import type { CallOptions } from "./sandbox.ts";

/** The addresses in the world: two servers, one with a private address, and the host. */
export const WORLD = {
  first: "203.0.113.2",
  second: "203.0.113.3",
  private: "10.77.0.2",
  six: "2001:db8:77::2",
  host: "203.0.113.1",
} as const;

/** The addresses of the world's names. */
const ZONE: ServerPlan["zone"] = {
  "good.example": [WORLD.first],
  "six.example": [WORLD.six],
  "other.example": [WORLD.second],
  "*.wild.example": [WORLD.first],
  "private.example": [WORLD.private],
  "loopback.example": ["127.0.0.1"],
  "loopback6.example": ["::1"],
  "mapped.example": ["::ffff:127.0.0.1"],
  "nat64.example": ["64:ff9b::7f00:1"],
  "metadata.example": ["169.254.169.254"],
  "metadata6.example": ["fd00:ec2::254"],
  "alibaba.example": ["100.100.100.200"],
  "link.example": ["fe80::1"],
  "own.example": [WORLD.host],
  "zero.example": ["0.0.0.0"],
  "all.example": ["224.0.0.1"],
  "broadcast.example": ["203.0.113.255"],
  "mixed.example": ["127.0.0.1", WORLD.first],
  "rebind.example": [[WORLD.first], ["127.0.0.1"]],
};

/** Both namespaces with the servers. */
export class Network implements AsyncDisposable {
  private static count = 0;
  private readonly names: { readonly host: string; readonly world: string };
  private readonly resolv: string;
  private readonly servers: Bun.Subprocess<"ignore", "pipe", "inherit">[];
  private readonly heard = ["", ""];

  private constructor(dir: string) {
    Network.count += 1;
    const name = `brun-${process.pid}-${Network.count}`;
    this.names = { host: `${name}-h`, world: `${name}-w` };
    const { host: here, world } = this.names;
    for (const each of [here, world]) host("ip", "netns", "add", each);
    host("ip", "link", "add", "wire", "netns", here, "type", "veth", "peer", "name", "wire", "netns", world);
    const add = (ns: string, address: string, ...more: string[]) =>
      host("ip", "-n", ns, "address", "add", address, "dev", "wire", ...more);
    add(here, `${WORLD.host}/24`, "broadcast", "+");
    add(here, "2001:db8:77::1/64", "nodad");
    for (const address of [`${WORLD.first}/24`, `${WORLD.second}/24`, `${WORLD.private}/32`])
      add(world, address);
    add(world, `${WORLD.six}/64`, "nodad");
    for (const each of [here, world]) {
      for (const device of ["lo", "wire"]) host("ip", "-n", each, "link", "set", device, "up");
    }
    host("ip", "-n", here, "route", "add", "default", "via", WORLD.first);
    this.resolv = `${dir}/resolv.conf`;
    writeFileSync(this.resolv, `nameserver ${WORLD.first}\n`);
    const file = `${import.meta.dir}/network-server.ts`;
    const serve = (words: string[], dns: string) => {
      const plan: ServerPlan = { dns, zone: ZONE, ...CERTIFICATE, files: `${dir}/www` };
      const argv = [...words, process.execPath, file, JSON.stringify(plan)];
      return Bun.spawn(argv, { stdio: ["ignore", "pipe", "inherit"] });
    };
    this.servers = [serve(this.inWorld(), WORLD.first), serve(this.inHost(), "")];
    this.servers.forEach((server, i) => void this.listen(server.stdout, i));
  }

  /** Creates the namespaces, and waits for the servers. */
  static async make(dir: string): Promise<Network> {
    const network = new Network(dir);
    await until("the servers are up", () => network.heard.every((text) => text.includes("ready\n")));
    return network;
  }

  private async listen(output: ReadableStream<Uint8Array>, index: number): Promise<void> {
    for await (const chunk of output) this.heard[index] += new TextDecoder().decode(chunk);
  }

  /** The log of the world's servers: lines "dns NAME TYPE" and "http HOST". */
  get log(): string {
    return this.heard[0]!;
  }

  /** The log of a server on all addresses of the host. */
  get hostLog(): string {
    return this.heard[1]!.replace("ready\n", "");
  }

  /** Words that run a command in the servers' namespace. */
  inWorld(...argv: string[]): string[] {
    return ["ip", "netns", "exec", this.names.world, ...argv];
  }

  /** Words that run a command in the host's namespace. */
  inHost(...argv: string[]): string[] {
    return ["nsenter", `--net=/run/netns/${this.names.host}`, "--", ...argv];
  }

  /** Options that run brun in the host's namespace. */
  get options(): CallOptions {
    return { under: this.inHost(), binds: { [this.resolv]: "/etc/resolv.conf" } };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.servers) server.kill("SIGKILL");
    await Promise.all(this.servers.map((server) => server.exited));
    for (const each of Object.values(this.names)) host("ip", "netns", "delete", each);
  }
}
