/** Each attack that SECURITY.md lists has a test here that makes it, by name. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";

const ROOT = `${import.meta.dir}/../..`;

/** Rows of the table by the beginning of their attack: files below test/security, or of src, and titles of tests in them. */
const TESTS: Readonly<Record<string, readonly (readonly [file: string, title: string])[]>> = {
  "ptrace or `/proc/PID`": [
    ["joining", "no process of a container gets hold of one that joins it"],
    ["joining", "nor of one that becomes another container in its user and pid namespaces"],
  ],
  "a program that may be executed and not read": [
    ["joining", "a process whose program may be executed and not read is joined by nobody; an init is"],
  ],
  "overwriting the runtime": [
    ["joining", "a program that is /proc/self/exe is not the runtime's to overwrite"],
  ],
  "a volume on `/proc`": [
    ["rootfs", "a volume on /proc, and one on what is written there, are not written to"],
  ],
  "`/proc` or `/sys` as a symbolic link": [["rootfs", "that is a symbolic link is refused"]],
  "mount points swapped": [["races", " are swapped: nothing is outside"]],
  "inheritable capabilities of exec'ed": [["joining", "exec: no inheritable capability, --cap adds none"]],
  "cgroups of the host": [["privileges", "cgroups outside that the container's root owns cannot be written"]],
  "`/sys` of the host": [["sandbox", "what is mounted below /sys is as read-only as /sys"]],
  "sockets and FIFOs of the host": [
    ["sandbox", "sockets and FIFOs of the host's lead nowhere"],
    ["sandbox", "what the host renames over a secret stays hidden"],
  ],
  "a link in a `--rw` directory": [["sandbox", "--rw follows no link that an earlier run made"]],
  "code for the host below `--rw`": [
    ["protected", "--rw: nothing that the host runs by itself is made, changed or replaced"],
    ["protected", "--rw: shell start-up files of a home, which are missing or links"],
    ["protected", "--rw: files to which start-up files of the home lead"],
    ["protected", " runs with --rw that are killed leave no name"],
  ],
  "what a program of `run --host --landlock` gets at": [
    ["landlock", "--landlock: nothing of the caller's is read, written, connected to or signalled"],
  ],
  "a directory on the way to": [
    ["sandbox-files", " while a directory on the way is swapped for a link"],
    ["sandbox-files", "runs with --rootfs while a directory on the way is swapped for a link"],
    ["sandbox-files", "runs with --upper while a directory in it is swapped for a link"],
  ],
  "a container that was checkpointed": [["restore", "a restore makes mount points in the root file system"]],
  "`ro`, `nosuid`, `nodev`": [["../mounts", "in a user namespace a bind keeps the flags of its source"]],
  "with `--allow-net`: literal addresses": [
    ["network", "literal addresses, IPv6, UDP, QUIC and other servers of DNS"],
    ["network-log", "every socket hears of it: bound to any address, connected or not, a thousand at once"],
    ["network-log", "the container's root has addresses of its own, or takes the rules away"],
    ["network", "sockets of other kinds: ICMP, raw, packets, machines, and the host's own"],
    ["network", "root of the container, with every capability over its network"],
    ["network", "the namespace shows nothing of the host's network, and no descriptor leads there"],
  ],
  "with `--allow-net`: an allowed name": [
    ["network", "an allowed name that leads to this machine, its cloud or its network"],
    ["network", "a name that leads elsewhere when it is asked for again"],
  ],
  "with `--allow-net`: data in questions": [
    ["network", "questions about names that are not allowed leave the machine in no form"],
    ["network", "a proxy's CONNECT and SOCKS5 to what is not allowed"],
    ["network", "TLS that asks for another name, for none, or that is none"],
  ],
  "with `--allow-net`: the relay killed": [
    ["network", "when the relay is killed, everything is closed; it has at most 40 MB before"],
    ["network", "more connections than the relay takes: 1,000 work, the others are refused, and it goes on"],
    ["network", "garbage for DNS and the proxies does not stop the relay"],
    ["network", "a list that changes while it runs: what is taken away is closed"],
    ["network", "the log tells names, ports, bytes and refusals, on lines of their own; it follows no link"],
    ["network-log", "without the relay nothing is reached: addresses do not answer"],
    [
      "network-log",
      "forged packets of the container's root: they are answered there, and nothing else comes",
    ],
    ["network-log", "datagrams to any number of addresses: few routes, and the relay goes on"],
  ],
  "the runtime's own state": [
    ["own-state", "the state is not there"],
    ["own-state", "--rw: a state several directories down, and behind a link, stays where it is"],
    ["own-state", "a second mount of the state's file system on the host is no way to it"],
  ],
  "a leaked descriptor": [
    ["descriptors", "no descriptor of the runtime's is a way out by the working directory"],
    ["descriptors", "of a thousand descriptors that the runtime was started with none is open inside"],
  ],
  "inheritable capabilities of a further": [["joining", "exec: no inheritable capability, --cap adds none"]],
  "`/proc` and `/sys` as links": [
    ["rootfs", "that is a symbolic link is refused"],
    ["rootfs", "a volume on /proc, and one on what is written there, are not written to"],
  ],
  "`/dev/null` of the image": [
    ["rootfs", "masks are made of the host's /dev/null, not of what the image has"],
  ],
  "the console bound": [["rootfs", "a terminal is a new one of devpts"]],
  "`--user` that means another": [["joining", "exec --user is the user that it names"]],
  "the kernel's ciphers": [["filter", "a socket of a refused family is made by no other numbers"]],
  "`/dev` as a symbolic link": [["rootfs", "that leads out: nothing is made or mounted outside"]],
  "`/dev/console` as": [["rootfs", "a terminal's /dev/console that leads out"]],
  "`/dev/null` as a symbolic link": [["rootfs", "an image's /dev/null that leads to a volume"]],
  "a mount point with `tmpcopyup`": [["races", "containers with tmpcopyup while its mount point is swapped"]],
  "a mount point that CRIU": [
    ["../../src/checkpoint/external", "a mount point that CRIU would read as another mount is refused"],
    ["../../src/checkpoint/external", "a link that the container has put where a mount was is not followed"],
  ],
  "`/proc/self/fd` of the image": [["rootfs", "an image's own /proc/self/fd leads nothing elsewhere"]],
  "a terminal passed through": [
    ["privileges", "nothing is typed on the caller's terminal, nor is it taken away"],
  ],
  "setuid programs under": [
    ["privileges", "a setuid program changes the user, but not with noNewPrivileges"],
    ["privileges", "a device that the caller has as stdio keeps its owner"],
  ],
  "the caller's session keyring": [
    ["keyring", "also where there is no room for a further keyring"],
    ["keyring", "a keyring that a process has made under the container's name is not taken"],
  ],
  "control characters": [
    ["terminal-text", "no command lets a config's text act on a terminal"],
    [
      "terminal-text",
      "a state.json that is a FIFO, a link, without end or someone else's keeps nobody waiting",
    ],
  ],
  "an `/etc/passwd`": [["rootfs", "an /etc/passwd that never ends is not read to its end"]],
  "`--rootfs DIR --user NAME`": [
    ["sandbox-files", "an image's passwd and group that lead out, or never end"],
  ],
  "with `--allow-nesting`": [
    ["nesting", "covers hold "],
    ["../fields/delegate", "a program that makes namespaces (--allow-nesting) cannot mount the caller's"],
  ],
  "a registry that has logins": [["../image", "a registry that asks for logins elsewhere gets none"]],
  "a document that is an image": [["../image", "what is not there, and what is damaged"]],
  "hostile layers": [["images", "sixty hostile layers touch nothing"]],
  "layers that unpack to more": [["images", "what unpacks to more than there is room for is stopped"]],
  "`run --host`: an entry": [["sandbox-files", "runs while others swap entries beside a mount for links"]],
};

/** The attacks of the first table. */
function attacks(): string[] {
  const text = readFileSync(`${ROOT}/SECURITY.md`, "utf8");
  const start = text.indexOf("## CVEs of container runtimes");
  const table = text.slice(start, text.indexOf("\n### ", start));
  return table
    .split("\n")
    .filter((line) => /^\| (CVE-|\(none\))/.test(line))
    .map((line) => line.split(" | ")[1]!);
}

test("every attack of SECURITY.md has a test, and every one that is named is there", () => {
  const rows = attacks();
  expect(rows.length).toBeGreaterThan(25);
  const named = Object.keys(TESTS);
  const without = rows.filter((attack) => !named.some((beginning) => attack.startsWith(beginning)));
  expect(without).toEqual([]);
  expect(named.filter((beginning) => !rows.some((attack) => attack.startsWith(beginning)))).toEqual([]);
});

for (const [beginning, tests] of Object.entries(TESTS)) {
  test(beginning, () => {
    expect(tests.length).toBeGreaterThan(0);
    for (const [file, title] of tests) {
      const text = readFileSync(`${import.meta.dir}/${file}.test.ts`, "utf8");
      expect(text).toContain(title);
    }
  });
}
