/** Ways around `--allow-net`, each tried by a program inside against servers that a way out would reach. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { isRoot, ownedDir, testUser } from "../support/caller.ts";
import { HAS_FRONT } from "../support/front.ts";
import { Network, WORLD } from "../support/network.ts";
import { hasEnded, processesOf, until } from "../support/processes.ts";
import { subjects } from "../support/runtime.ts";
import { type Running, Sandbox } from "../support/sandbox.ts";
import { boxDir } from "../support/workspace.ts";
import { allow, results } from "./network.ts";
import { attacker, tries } from "./support.ts";

/** Names in the list that lead where nothing may: the machine, its cloud, its own network, nowhere. */
const HOSTILE = [
  ...["loopback", "loopback6", "mapped", "nat64", "own", "private", "metadata", "metadata6", "alibaba"],
  ...["link", "zero", "all", "broadcast"],
].map((name) => `${name}.example`);

describe.skipIf(!isRoot)("a network by name", () => {
  let network: Network;
  let program: string;
  let dir: string;

  beforeAll(async () => {
    dir = boxDir(testUser());
    network = await Network.make(dir);
    program = `${dir}/net`;
    copyFileSync(attacker("net"), program);
    chmodSync(program, 0o755);
  });
  afterAll(async () => {
    await network?.[Symbol.asyncDispose]();
  });

  for (const subject of subjects(["brun"])) {
    const { caller } = subject;

    describe(subject.label, () => {
      /** Runs attacks in a container, and tells what has come of each. */
      const attack = async (box: Sandbox, flags: readonly string[], attacks: readonly string[]) => {
        const argv = ["run", "--host", ...flags, "--", program, ...attacks];
        const { code, stdout } = await box.call(argv, network.options);
        expect(code).toBe(0);
        return results(stdout);
      };
      /** The same, each of which has to end as is said. */
      const expectAll = async (flags: readonly string[], expected: Readonly<Record<string, string>>) => {
        await using box = new Sandbox(subject);
        const found = await attack(box, flags, Object.keys(expected));
        const told = Object.fromEntries([...found].map(([name, { result }]) => [name, result]));
        expect(told).toEqual({ ...expected });
        return found;
      };

      test("what is allowed is reached, and what is not is refused, at once", async () => {
        const found = await expectAll(allow("good.example", "six.example", "*.wild.example:80"), {
          "dns|good.example": "198.18.1.0",
          "tcp|198.18.1.0|80": "HTTP/1.1_200_OK",
          "dns|six.example": "198.18.1.1",
          "tcp|198.18.1.1|80": "HTTP/1.1_200_OK",
          "dns|a.wild.example": "198.18.1.2",
          "tcp|198.18.1.2|80": "HTTP/1.1_200_OK",
          "tcp|198.18.1.2|443": "ECONNRESET",
          "dns|other.example": "rcode_3",
          "tcpdns|other.example": "rcode_3",
          "tcpdns|good.example": "198.18.1.0",
        });
        const times = [...found.values()].map(({ ms }) => ms).sort((a, b) => a - b);
        expect(times[times.length >> 1]).toBeLessThan(1000);
      });

      test.each([
        ["", []],
        [" and is logged", ["--net-log=log"]],
      ])("a refusal takes less than 50 ms, however many there are%s", async (_, log) => {
        await using box = new Sandbox(subject);
        const addresses = [`tcp|${WORLD.second}|80`, `udp|${WORLD.second}|443`, `tcp|${WORLD.six}|80`];
        const refusals = ["dns|other.example", "tcpdns|other.example"];
        const all = [
          ...refusals,
          ...addresses,
          "tcp|198.18.1.0|7",
          "tcp|198.18.77.7|80",
          "udp|198.18.1.0|443",
        ];
        const attacks = ["dns|good.example", ...all.flatMap((attack) => new Array<string>(9).fill(attack))];
        const argv = ["run", "--host", ...log, ...allow("good.example"), "--", program, ...attacks];
        const { stdout } = await box.call(argv, network.options);
        for (const each of all) {
          const times = stdout.split("\n").flatMap((line) => {
            const [attack, result, ms] = line.split(" ");
            return attack === each ? [{ refused: /^(E|rcode_3)/.test(result!), ms: Number(ms) }] : [];
          });
          expect(times.map(({ refused }) => refused)).toEqual(new Array(9).fill(true));
          // Other programs on the machine delay some of them.
          times.sort((a, b) => a.ms - b.ms);
          expect([each, times[4]!.ms < 50]).toEqual([each, true]);
        }
      });

      test("literal addresses, IPv6, UDP, QUIC and other servers of DNS", async () => {
        const { first, second, six, host } = WORLD;
        const nowhere: Record<string, string> = {};
        for (const address of [first, second, six, host, `::ffff:${first}`, "169.254.169.254", "10.77.0.2"]) {
          nowhere[`tcp|${address}|80`] = "EHOSTUNREACH";
          nowhere[`udp|${address}|443`] = "EHOSTUNREACH";
        }
        await expectAll(allow("good.example"), {
          ...nowhere,
          "dns|good.example": "198.18.1.0",
          "udp|198.18.1.0|443": "ECONNREFUSED",
          "udp|198.18.1.0|53": "ECONNREFUSED",
          [`dns|good.example|${first}`]: "EHOSTUNREACH",
          [`tcpdns|good.example|${first}`]: "EHOSTUNREACH",
          "tcp|198.18.1.0|7": "ECONNREFUSED",
          "tcp|198.18.77.7|80": "ECONNRESET",
          "tcp|127.0.0.1|80": "ECONNRESET",
        });
      });

      test("an allowed name that leads to this machine, its cloud or its network", async () => {
        const before = network.hostLog;
        const expected = Object.fromEntries(HOSTILE.map((name) => [`dns|${name}`, "rcode_3"]));
        await expectAll(allow(...HOSTILE), expected);
        // One that is good besides is taken.
        await expectAll(allow("mixed.example", "private.example", "--allow-net-private").map(unprefixed), {
          "dns|mixed.example": "198.18.1.0",
          "tcp|198.18.1.0|80": "HTTP/1.1_200_OK",
          "dns|private.example": "198.18.1.1",
          "tcp|198.18.1.1|80": "HTTP/1.1_200_OK",
        });
        expect(network.hostLog).toBe(before);
      });

      test("a name that leads elsewhere when it is asked for again", async () => {
        const before = network.hostLog;
        await using box = new Sandbox(subject);
        const flags = allow("rebind.example");
        const wait = tries(0, 6);
        const script = `${program} 'dns|rebind.example' 'tcp|198.18.1.0|80'; sleep ${wait}; ${program} 'tcp|198.18.1.0|80'`;
        const argv = ["run", "--host", ...flags, "--", "sh", "-c", script];
        const { stdout } = await box.call(argv, network.options);
        const [, ...tries_] = stdout.trim().split("\n");
        expect(tries_.every((line) => /^\S+ (HTTP\/1.1_200_OK|ECONNRESET) \d+$/.test(line))).toBe(true);
        expect(tries_).toHaveLength(2);
        expect(network.hostLog).toBe(before);
      });

      test("questions about names that are not allowed leave the machine in no form", async () => {
        const secret = `secret-${caller.name}`;
        await expectAll(allow("good.example"), {
          [`dns|${secret}.good.example`]: "rcode_3",
          [`tcpdns|${secret}.attacker.example`]: "rcode_3",
          [`dns|${secret}`]: "rcode_3",
          "dns|GOOD.EXAMPLE": "198.18.1.0",
        });
        expect(network.log).not.toContain(secret);
      });

      test("a proxy's CONNECT and SOCKS5 to what is not allowed", async () => {
        await using box = new Sandbox(subject);
        const curl = (proxy: string, url: string) =>
          `curl -s -m 5 -p -x ${proxy}://198.18.0.1:1080 -o /dev/null -w '%{http_connect} %{http_code}\\n' ${url}`;
        const urls = ["good.example", "other.example", WORLD.first, "127.0.0.1", "good.example:7", "[::1]"];
        const all = ["http", "socks5h"].flatMap((proxy) => urls.map((url) => curl(proxy, `http://${url}/`)));
        const before = network.hostLog;
        const argv = ["run", "--host", ...allow("good.example"), "--", "sh", "-c", all.join("; ")];
        const { stdout } = await box.call(argv, network.options);
        const no = (http: string) => urls.slice(1).map(() => http);
        expect(stdout.trim().split("\n")).toEqual(["200 200", ...no("403 000"), "000 200", ...no("000 000")]);
        expect(network.hostLog).toBe(before);
      });

      test("TLS that asks for another name, for none, or that is none", async () => {
        await using box = new Sandbox(subject);
        const curl = (words: string) => `curl -sk -m 5 -o /dev/null -w '%{http_code}\\n' ${words}`;
        const script = [
          curl("https://good.example/"),
          curl("--connect-to other.example:443:good.example:443 https://other.example/"),
          curl("--connect-to 1.2.3.4:443:good.example:443 https://1.2.3.4/"),
          curl("http://good.example/"),
          curl("http://good.example:443/"),
          curl("-p -x http://198.18.0.1:1080 https://good.example/"),
          curl(
            "-p -x http://198.18.0.1:1080 --connect-to other.example:443:good.example:443 https://other.example/",
          ),
        ].join("; ");
        const argv = ["run", "--host", "--net-sni", ...allow("good.example"), "--", "sh", "-c", script];
        const { stdout } = await box.call(argv, network.options);
        expect(stdout.trim().split("\n")).toEqual(["200", "000", "000", "000", "000", "200", "000"]);
      });

      test("sockets of other kinds: ICMP, raw, packets, machines, and the host's own", async () => {
        await using box = new Sandbox(subject);
        const path = `${box.dir}/listener`;
        const listeners = [path, `\0${box.name()}`].map((at) =>
          Bun.listen({ unix: at, socket: { data: () => undefined } }),
        );
        chmodSync(path, 0o777);
        const abstract = `@${box.name().replace(/\d+$/, "1")}`;
        const found = await attack(box, allow("good.example"), [
          "socket|2|2|1",
          "socket|2|3|1",
          "socket|17|3|3",
          "socket|40|1|0",
          `unix|${path}`,
          `unix|${abstract}`,
          `unix|${box.state}/@network/x.relay`,
        ]);
        for (const listener of listeners) listener.stop(true);
        const told = [...found.values()].map(({ result }) => result);
        expect(told.slice(1, 4)).toEqual(["EPERM", "EPERM", expect.stringMatching(/^E(PERM|AFNOSUPPORT)$/)]);
        expect(told.slice(4)).toEqual(["ECONNREFUSED", "ECONNREFUSED", "ENOENT"]);
        // ICMP by a datagram socket is for those whose groups the namespace allows: none.
        expect(told[0]).toBe("EACCES");
      });

      test("root of the container, with every capability over its network", async () => {
        await using box = new Sandbox(subject);
        const script = `ip route replace default dev lo; ip link add x type veth peer name y; ip link set x up
          ip address add ${WORLD.host}/24 dev x; ${program} 'tcp|${WORLD.second}|80' 'dns|other.example'
          ip link del wire; ip netns list; ls /proc/*/ns/net | wc -l`;
        const flags = [...allow("good.example"), "--user=root", "--cap-add=NET_ADMIN,NET_RAW,SYS_ADMIN"];
        const before = network.log;
        const { stdout } = await box.call(
          ["run", "--host", ...flags, "--", "sh", "-c", script],
          network.options,
        );
        const found = results(stdout);
        expect(found.get(`tcp|${WORLD.second}|80`)?.result).not.toStartWith("HTTP");
        expect(found.get("dns|other.example")?.result).toBe("rcode_3");
        expect(network.log).toBe(before);
      });

      test("the namespace shows nothing of the host's network, and no descriptor leads there", async () => {
        await using box = new Sandbox(subject);
        const script = `cut -d: -f1 -s /proc/net/dev | tr -d ' ' | tail -n +1; cat /proc/net/tcp | grep -c ' 0100007F:0050 ' ;
          ls -l /proc/self/fd | grep -c socket; echo x 2>/dev/null >> /etc/resolv.conf || echo read-only
          echo x 2>/dev/null >> /etc/hosts || echo read-only; cat /etc/resolv.conf /etc/hosts`;
        const argv = ["run", "--host", ...allow("good.example"), "--", "sh", "-c", script];
        // brun inherits a connection.
        const connect = `import os, socket, sys
s = socket.create_connection(("${WORLD.second}", 80))
os.set_inheritable(s.fileno(), True)
os.execvp(sys.argv[1], sys.argv[1:])`;
        const under = [...network.inHost(), "python3", "-c", connect];
        const { stdout } = await box.call(argv, { ...network.options, under });
        const hosts = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n";
        expect(
          stdout.replace(/\n(sit0|tunl0|ip6tnl0|gre0|gretap0|erspan0|ip_vti0|ip6_vti0|ip6gre0)(?=\n)/g, ""),
        ).toBe(`lo\n0\n0\nread-only\nread-only\nnameserver 198.18.0.1\n${hosts}`);
      });

      test("garbage for DNS and the proxies does not stop the relay", async () => {
        const seed = 1 + Math.floor(Math.random() * 1e6);
        const own = "198.18.0.1";
        await expectAll(allow("good.example"), {
          [`garbage|${own}|53|udp|${seed}`]: "sent",
          [`garbage|${own}|53|tcp|${seed}`]: "sent",
          [`garbage|${own}|1080|tcp|${seed}`]: "sent",
          "dns|good.example": "198.18.1.0",
          "tcp|198.18.1.0|80": "HTTP/1.1_200_OK",
        });
      });

      test("more connections than the relay takes: 1,000 work, the others are refused, and it goes on", async () => {
        const count = tries(1000, 4000);
        const found = await expectAll(allow("good.example:7", "good.example:80"), {
          "dns|good.example": "198.18.1.0",
          [`flood|198.18.1.0|7|${count}`]: `${count}`,
          "tcp|198.18.1.0|80": "HTTP/1.1_200_OK",
        });
        expect(found.size).toBe(3);
      });

      const relayOf = (box: Sandbox): number => {
        const relays = processesOf(box.dir).filter(({ command }) => command.includes("sandbox-hook relay"));
        expect(relays).toHaveLength(1);
        return relays[0]!.pid;
      };
      /** A container named "one", which sees what is put into the directory "shared" meanwhile. */
      const started = async (
        box: Sandbox,
        script: string,
        names = allow("good.example"),
      ): Promise<Running> => {
        const shared = ownedDir(caller, `${box.dir}/shared`);
        const flags = ["--rw", shared, ...names, "--name", "one"];
        const argv = ["run", "--host", ...flags, "--", "sh", "-c", script];
        const running = box.spawn(argv, network.options);
        await until("the container runs", () => running.stdout().includes("up") || running.stderr() !== "");
        return running;
      };

      test("when the relay is killed, everything is closed; it has at most 40 MB before, with 1,000 connections", async () => {
        await using box = new Sandbox(subject);
        const once = `${program} 'dns|good.example' 'tcp|198.18.1.0|80' 'tcp|${WORLD.second}|80'`;
        const many = `${program} 'dns|good.example' 'flood|198.18.1.0|7|1000'`;
        const wait = (name: string) => `while ! [ -e ${box.dir}/shared/${name} ]; do sleep 0.02; done`;
        const running = await started(
          box,
          `echo up; ${wait("a")}; ${many}; ${once}; echo many; ${wait("b")}; ${once}`,
          allow("good.example:7", "good.example:80"),
        );
        const relay = relayOf(box);
        // From here on, VmHWM is the most that it has at once (proc_pid_clear_refs(5)).
        writeFileSync(`/proc/${relay}/clear_refs`, "5");
        box.file("shared/a", "");
        await until("the connections were made", () => running.stdout().includes("many"));
        const most = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${relay}/status`, "utf8"))?.[1];
        // Without the front the relay needs a JIT compiler, to call C.
        expect(Number(most)).toBeLessThan((HAS_FRONT ? 40 : 64) * 1024);
        process.kill(relay, "SIGKILL");
        await until("it has gone", () => hasEnded(relay));
        box.file("shared/b", "");
        const { stdout, code } = await running.done;
        const [before, after] = stdout.split("many\n").map(results);
        expect([...before!.values()].map(({ result }) => result)).toEqual([
          "198.18.1.0",
          "1000",
          "HTTP/1.1_200_OK",
          "EHOSTUNREACH",
        ]);
        expect([...after!.values()].map(({ result }) => result)).toEqual([
          "ECONNREFUSED",
          "ECONNREFUSED",
          "EHOSTUNREACH",
        ]);
        expect(code).toBe(0);
      });

      test("the relay ends with the container, however that ends, and with brun", async () => {
        for (const [victim, isCached] of [
          ["container", false],
          ["brun", false],
          ["container", true],
          ["brun", true],
        ] as const) {
          await using box = new Sandbox(subject);
          // The front starts the relay of a run whose plan is cached.
          for (let i = 0; isCached && i < 2; i++) await (await started(box, "echo up")).done;
          const running = await started(box, "echo up; sleep 1000");
          const relay = relayOf(box);
          if (victim === "brun") process.kill(running.pid, "SIGKILL");
          else await box.ok(["kill", "one", "KILL"]);
          await until("the relay has gone", () => hasEnded(relay));
          await running.done;
          await box.call(["delete", "--force", "one"]);
          expect(existsSync(`${box.state}/@network/one.relay`)).toBe(false);
        }
      });

      test("the log tells names, ports, bytes and refusals, on lines of their own; it follows no link", async () => {
        await using box = new Sandbox(subject);
        const victim = box.file("victim", "mine\n");
        symlinkSync(victim, `${box.dir}/link`);
        const refused = await box.call(
          ["run", "--host", "--net-log", "link", ...allow("good.example"), "--", "true"],
          network.options,
        );
        expect(refused.code).toBe(1);
        expect(readFileSync(victim, "utf8")).toBe("mine\n");
        const flags = ["--net-log", "log", ...allow("good.example", "loopback.example", "missing.example")];
        const attacks = [
          "dns|good.example",
          "tcp|198.18.1.0|80",
          'dns|a\n"b.example',
          "dns|loopback.example",
          "dns|missing.example",
          ...["tcp|198.18.1.0|7", "tcp|198.18.1.0|7", "udp|198.18.1.0|443", "tcp|198.18.77.7|9"],
          ...[`tcp|${WORLD.second}|80`, `tcp|${WORLD.second}|80`, `tcp|${WORLD.six}|443`],
          ...[`udp|${WORLD.second}|53`, `tcp|::ffff:${WORLD.first}|80`, "tcp|127.0.0.1|7"],
        ];
        const argv = ["run", "--host", ...flags, "--", program, ...attacks];
        expect((await box.call(argv, network.options)).code).toBe(0);
        const lines = readFileSync(`${box.dir}/log`, "utf8").trim().split("\n");
        const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
        for (const event of events) {
          expect(event.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
          delete event.time;
        }
        const reached = { event: "connect", name: "good.example", port: 80, address: WORLD.first };
        // What ends a connection is written beside what goes on.
        const closed = events.findIndex(({ verdict }) => verdict === "closed");
        expect([...events.toSpliced(closed, 1).toSpliced(1, 0, events[closed]!)]).toEqual([
          { ...reached, verdict: "allowed" },
          { ...reached, verdict: "closed", sent: 18, received: expect.any(Number) },
          { event: "dns", verdict: "refused", name: "a\\010\\034b.example", reason: "it is not in the list" },
          {
            ...{ event: "dns", verdict: "refused", name: "loopback.example" },
            reason: "it leads to 127.0.0.1, an address of this machine or its cloud",
          },
          { event: "dns", verdict: "failed", name: "missing.example", reason: "no such name" },
          ...[
            ["good.example", 7, "no entry has this port"] as const,
            ["good.example", 443, "only TCP goes out"] as const,
            ["198.18.77.7", 9, "no entry has this port"] as const,
            [WORLD.second, 80, "it is not in the list"] as const,
            ["2001:db8:77:0:0:0:0:2", 443, "it is not in the list"] as const,
            [WORLD.second, 53, "only TCP goes out"] as const,
            [WORLD.first, 80, "it is not in the list"] as const,
          ].map(([name, port, reason]) => ({ event: "connect", verdict: "refused", name, port, reason })),
        ]);
      });

      test("a list that changes while it runs: what is taken away is closed", async () => {
        await using box = new Sandbox(subject);
        const wait = (name: string) => `while ! [ -e ${box.dir}/shared/${name} ]; do sleep 0.02; done`;
        const literal = `'udp|${WORLD.second}|80' 'tcp|${WORLD.second}|80'`;
        const script = `echo up; ${wait("a")}; ${program} 'dns|other.example' 'tcp|198.18.1.0|80' ${literal}; echo one; ${wait("b")}
          ${program} 'dns|other.example' 'tcp|198.18.1.0|80' 'tcp|${WORLD.second}|80'; echo two; ${wait("c")}`;
        const running = await started(box, script, ["--net-log=log", ...allow("good.example")]);
        await box.ok(["update", "--allow-net", "other.example", "one"]);
        box.file("shared/a", "");
        await until("it was reached", () => running.stdout().includes("one"));
        await box.ok(["update", "--deny-net", "other.example", "--allow-net", `${WORLD.second}:80`, "one"]);
        box.file("shared/b", "");
        await until("it was refused", () => running.stdout().includes("two"));
        const wrong = await box.call(["update", "--deny-net", "never.example", "one"]);
        expect(wrong.stderr).toMatch(
          /^brun: --deny-net: never\.example is not in the list; hint: the list is good\.example, .*\n$/,
        );
        box.file("shared/c", "");
        const { stdout } = await running.done;
        const [first, second] = stdout.split("one\n").map(results);
        expect([...first!.values()].map(({ result }) => result)).toEqual([
          ...["198.18.1.0", "HTTP/1.1_200_OK", "EHOSTUNREACH", "EHOSTUNREACH"],
        ]);
        expect([...second!.values()].map(({ result }) => result)).toEqual([
          "rcode_3",
          "ECONNRESET",
          "HTTP/1.1_200_OK",
        ]);
      });
    });
  }
});

/** Flags among names. */
function unprefixed(flag: string): string {
  return flag.replace(/^--allow-net=(?=--)/, "");
}
