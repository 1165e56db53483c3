/** Addresses that are refused, where the relay hears of them (`--net-log`): it answers in the kernel's place, and does nothing else. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, readFileSync } from "node:fs";
import { host, isRoot, ownedDir, testUser } from "../support/caller.ts";
import { Network, WORLD } from "../support/network.ts";
import { processesOf, until } from "../support/processes.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import { boxDir } from "../support/workspace.ts";
import { allow, results } from "./network.ts";
import { attacker, tries } from "./support.ts";

describe.skipIf(!isRoot)("refused addresses that are logged", () => {
  let network: Network;
  let program: string;

  beforeAll(async () => {
    const dir = boxDir(testUser());
    network = await Network.make(dir);
    program = `${dir}/net`;
    copyFileSync(attacker("net"), program);
    chmodSync(program, 0o755);
  });
  afterAll(async () => {
    await network?.[Symbol.asyncDispose]();
  });

  /** How many messages of ICMP have arrived in the world, and in the host's namespace. */
  const messages = () =>
    [network.inWorld(), network.inHost()].flatMap((words) => {
      const [command = "", ...rest] = [...words, "cat", "/proc/net/snmp", "/proc/net/snmp6"];
      const text = host(command, ...rest);
      const [names, values] = [...text.matchAll(/^Icmp: (.*)$/gm)].map(([, line]) => line!.split(" "));
      return [values![names!.indexOf("InMsgs")], /^Icmp6InDestUnreachs\s+(\d+)$/m.exec(text)?.[1]];
    });

  for (const subject of subjects(["brun"])) {
    describe(subject.label, () => {
      /** Runs a script in a container with a log. */
      const run = async (box: Sandbox, script: string, ...more: readonly string[]) => {
        const flags = ["--net-log=log", ...allow("good.example"), ...more];
        const { code, stdout, stderr } = await box.call(
          ["run", "--host", ...flags, "--", "sh", "-c", script],
          network.options,
        );
        expect([code, stderr]).toEqual([0, ""]);
        const lines = readFileSync(`${box.dir}/log`, "utf8").split("\n").filter(Boolean);
        const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
        return {
          events,
          found: Object.fromEntries([...results(stdout)].map(([key, { result }]) => [key, result])),
        };
      };

      test("every socket hears of it: bound to any address, connected or not, a thousand at once", async () => {
        await using box = new Sandbox(subject);
        const { second, six } = WORLD;
        const expected: Record<string, string> = {
          [`from|127.0.0.1|${second}|80`]: "EHOSTUNREACH",
          [`from|198.18.99.9|${second}|80`]: "EHOSTUNREACH",
          [`from|::1|${six}|80`]: "EHOSTUNREACH",
          [`udp|${second}|443`]: "EHOSTUNREACH",
          // Only this message of ICMPv6 ends the waiting of a UDP socket.
          [`udp|${six}|443`]: "EACCES",
          "sendto|203.0.113.77|443": "EHOSTUNREACH",
          "sendto|2001:db8::77|443": "EHOSTUNREACH",
          // UDP is unreachable at the route by now, and TCP is logged still.
          [`udp|${six}|444`]: "EHOSTUNREACH",
          [`tcp|${second}|444`]: "EHOSTUNREACH",
          "tcp|0.1.2.3|80": "EHOSTUNREACH",
          [`many|${second}|80|1000`]: "1000",
          "dns|good.example": "198.18.1.0",
          "tcp|198.18.1.0|80": "HTTP/1.1_200_OK",
        };
        const { events, found } = await run(
          box,
          `${program} ${Object.keys(expected)
            .map((one) => `'${one}'`)
            .join(" ")}`,
        );
        expect(found).toEqual(expected);
        const told = events
          .filter(({ verdict }) => verdict === "refused")
          .map(({ name, port }) => `${name} ${port}`);
        for (const each of [
          `${second} 80`,
          `${second} 443`,
          `${second} 444`,
          "203.0.113.77 443",
          "0.1.2.3 80",
        ])
          expect([each, told.includes(each)]).toEqual([each, true]);
        // Attempts at one address are logged once a second.
        expect(told.filter((each) => each === `${second} 80`).length).toBeLessThan(10);
      });

      test("datagrams to any number of addresses: few routes, and the relay goes on", async () => {
        await using box = new Sandbox(subject);
        const flood = `python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(${tries(5000, 100_000)}): s.sendto(b"x", ("10.%d.%d.%d" % (i >> 16, i >> 8 & 255, i & 255), 9))'`;
        const { events, found } = await run(
          box,
          `${flood}; echo "x|routes $(ip route show table 199 | wc -l) 0"; sleep 0.2; ${program} 'tcp|203.0.113.9|1' 'dns|good.example' 'tcp|198.18.1.0|80'`,
        );
        const { "x|routes": routes, ...others } = found;
        expect(Number(routes)).toBeGreaterThan(100);
        expect(Number(routes)).toBeLessThanOrEqual(257);
        expect(others).toEqual({
          ...{ "tcp|203.0.113.9|1": "EHOSTUNREACH", "dns|good.example": "198.18.1.0" },
          "tcp|198.18.1.0|80": "HTTP/1.1_200_OK",
        });
        expect(events.length).toBeGreaterThan(100);
      });

      test("forged packets of the container's root: they are answered there, and nothing else comes of them", async () => {
        await using box = new Sandbox(subject);
        const seed = 1 + Math.floor(Math.random() * 1e6);
        const before = [...messages(), network.log, network.hostLog];
        const forged = `forge|${WORLD.first}|${tries(4000, 100_000)}|${seed}`;
        const { events, found } = await run(
          box,
          `${program} '${forged}'; sleep 0.2; ${program} 'tcp|203.0.113.9|1' 'udp|203.0.113.9|1'`,
          ...["--user=root", "--cap-add=NET_ADMIN,NET_RAW"],
        );
        expect(found).toEqual({
          ...{ [forged]: "sent", "tcp|203.0.113.9|1": "EHOSTUNREACH", "udp|203.0.113.9|1": "EHOSTUNREACH" },
        });
        expect([...messages(), network.log, network.hostLog]).toEqual(before);
        expect(events.map(({ name }) => name)).toContain("198.51.100.1");
        expect(events.filter(({ verdict }) => verdict !== "refused")).toEqual([]);
      });

      test("the container's root has addresses of its own, or takes the rules away", async () => {
        await using box = new Sandbox(subject);
        const talk = `python3 -c 'import socket
s = socket.create_server(("10.9.9.9", 99))
c = socket.create_connection(("10.9.9.9", 99))
s.accept()[0].sendall(b"own")
print("x|" + c.recv(9).decode() + " ok 0")'`;
        const before = network.log;
        const { events, found } = await run(
          box,
          `ip address add 10.9.9.9/32 dev lo; ${talk}; ${program} 'tcp|10.9.9.9|98'
            ip rule flush; ip rule add lookup main; ${program} 'tcp|${WORLD.second}|80'`,
          ...["--user=root", "--cap-add=NET_ADMIN"],
        );
        expect(found).toEqual({
          ...{ "x|own": "ok", "tcp|10.9.9.9|98": "ECONNREFUSED", [`tcp|${WORLD.second}|80`]: "EHOSTUNREACH" },
        });
        expect(events).toEqual([]);
        expect(network.log).toBe(before);
      });

      test("without the relay nothing is reached: addresses do not answer", async () => {
        await using box = new Sandbox(subject);
        const shared = ownedDir(subject.caller, `${box.dir}/shared`);
        const script = `${program} 'dns|good.example'; echo up; while ! [ -e ${shared}/go ]; do sleep 0.02; done
          ${program} 'tcp|${WORLD.second}|80' 'udp|${WORLD.second}|80' 'tcp|198.18.1.0|80'`;
        const flags = ["--rw", shared, "--net-log=log", ...allow("good.example")];
        const running = box.spawn(["run", "--host", ...flags, "--", "sh", "-c", script], network.options);
        await until("it is up", () => running.stdout().includes("up"));
        const [relay] = processesOf(box.dir).filter(({ command }) => command.includes("sandbox-hook relay"));
        process.kill(relay!.pid, "SIGKILL");
        box.file("shared/go", "");
        const { stdout } = await running.done;
        expect([...results(stdout).values()].map(({ result }) => result)).toEqual([
          ...["198.18.1.0", "EINPROGRESS", "silence", "ECONNREFUSED"],
        ]);
      });
    });
  }
});
