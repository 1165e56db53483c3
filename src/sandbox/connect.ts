/** Starts pasta or slirp4netns for a container's network namespace, and ends it with the container. */

import { BrunError } from "../errors.ts";
import { findProgram } from "../host/find-program.ts";
import { installHint, PACKAGES } from "../package-names.ts";
import { check } from "../sys/error.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close, mkdirAll, O, open, readTextIfThere, unlink, writeFile } from "../sys/fs.ts";
import { makePipe } from "../sys/pipe.ts";
import { POLLIN, waitFd } from "../sys/poll.ts";
import { connectUnix } from "../sys/socket.ts";
import { type Child, run, spawn } from "../sys/spawn.ts";
import { fromUtf8, utf8 } from "../sys/utf8.ts";
import { type Connector, NAME_SERVERS } from "./network.ts";
import type { PublishedPort } from "./ports.ts";
import { makeShownFile } from "./shown-file.ts";

/** The connector of a container. */
export interface Connection {
  readonly mode: Connector;
  /** The directory of the pid files. */
  readonly directory: string;
  /** The id of the container. */
  readonly id: string;
}

const TIMEOUT_MS = 20_000;

/** Makes the file for the container's /etc/resolv.conf. Throws a SysError. */
export function makeResolvConf(directory: string, mode: keyof typeof NAME_SERVERS): void {
  // An answer that needs a decision may take long. glibc waits at most 30 s, and 5 s by default
  // (resolv.conf(5)).
  const patience = mode === "asked" ? "options timeout:30 attempts:1\n" : "";
  makeShownFile(directory, `${mode}.resolv.conf`, `nameserver ${NAME_SERVERS[mode]}\n${patience}`);
}

/**
 * Makes the file for /etc/hosts of images, and with --allow-net: addresses in the host's file may lead
 * nowhere. Throws a SysError.
 */
export function makeHosts(directory: string): void {
  makeShownFile(directory, "hosts", HOSTS);
}

const HOSTS = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n";

/**
 * Connects the network namespace of a process. Throws a BrunError with the connector's message.
 * @param pid the process
 */
export function connect(connection: Connection, pid: number, ports: readonly PublishedPort[]): void {
  const path = findProgram(connection.mode);
  if (path === null) {
    throw new BrunError(`${connection.mode} is not installed`, {
      where: "--network",
      hint: installHint(PACKAGES[connection.mode]),
    });
  }
  mkdirAll(connection.directory);
  if (connection.mode === "pasta") pasta(path, connection, pid, ports);
  else slirp4netns(path, connection, pid, ports);
}

/** Ends the process that {@link connect} has started, if it still runs. */
export function disconnect(connection: Connection): void {
  const file = pidFile(connection);
  const pid = Number(readTextIfThere(file)?.trim() || 0);
  const name = pid > 0 ? (readTextIfThere(`/proc/${pid}/comm`) ?? "") : "";
  if (NAMES[connection.mode].test(name)) syscall(NR.kill, pid, SIGTERM);
  for (const path of [file, apiSocket(connection)]) unlink(path);
}

const SIGTERM = 15;

/** The names of the processes. pasta's can be passt or passt.avx2, too. */
const NAMES: Readonly<Record<Connector, RegExp>> = { pasta: /^(pasta|passt)/, slirp4netns: /^slirp4netns/ };

function pidFile({ directory, id }: Connection): string {
  return `${directory}/${id}.pid`;
}

function apiSocket({ directory, id }: Connection): string {
  return `${directory}/${id}.sock`;
}

/** pasta goes to the background itself when it is ready (pasta(1)). */
function pasta(path: string, connection: Connection, pid: number, ports: readonly PublishedPort[]): void {
  const of = (protocol: string) => {
    const wanted = ports.filter((port) => port.protocol === protocol);
    if (wanted.length === 0) return ["none"];
    return wanted.map((p) => `${p.address === null ? "" : `${p.address}/`}${p.host}:${p.container}`);
  };
  const argv = [
    ...["pasta", "--config-net", "--quiet", "--pid", pidFile(connection), "--no-map-gw"],
    ...["--dns-forward", NAME_SERVERS.pasta],
    ...of("tcp").flatMap((spec) => ["-t", spec]),
    ...of("udp").flatMap((spec) => ["-u", spec]),
    ...["-T", "none", "-U", "none", `${pid}`],
  ];
  const { code, signal, output, timedOut } = run(
    { path, argv, env: [], processGroup: true },
    null,
    TIMEOUT_MS,
  );
  if (code === 0 && signal === 0) return;
  throw connectFailure("pasta", timedOut ? "it is not ready after 20 s" : output);
}

/**
 * slirp4netns stays in the foreground. So it is started in the background, and reports on a descriptor that
 * it is ready.
 */
function slirp4netns(
  path: string,
  connection: Connection,
  pid: number,
  ports: readonly PublishedPort[],
): void {
  const { reader, writer } = makePipe();
  const log = `${connection.directory}/${connection.id}.log`;
  const output = open(log, O.WRONLY | O.CREAT | O.TRUNC, 0o600);
  const stdin = open("/dev/null", O.RDONLY);
  const argv = [
    ...["slirp4netns", "--configure", "--mtu=65520", "--disable-host-loopback"],
    ...(hasRoot(pid) ? ["--enable-sandbox"] : []),
    ...[
      "--enable-seccomp",
      `--ready-fd=${writer}`,
      `--api-socket=${apiSocket(connection)}`,
      `${pid}`,
      "tap0",
    ],
  ];
  unlink(apiSocket(connection));
  let child: Child;
  try {
    child = spawn({
      path,
      argv,
      env: [],
      stdio: [stdin, output, output],
      keepFd: writer,
      processGroup: true,
    });
  } finally {
    for (const fd of [writer, output, stdin]) close(fd);
  }
  writeFile(pidFile(connection), `${child.pid}\n`, 0o600);
  try {
    const byte = new Uint8Array(1);
    const ready = waitFd(reader, POLLIN, TIMEOUT_MS) !== 0 && syscall(NR.read, reader, byte, 1) === 1;
    if (!ready) throw connectFailure("slirp4netns", readTextIfThere(log) ?? "");
    for (const port of ports) forward(apiSocket(connection), port);
  } catch (error) {
    disconnect(connection);
    throw error;
  } finally {
    close(reader);
    unlink(log);
  }
}

/**
 * Whether id 0 is mapped in a process's user namespace. slirp4netns becomes root to make its own mount
 * namespace.
 */
function hasRoot(pid: number): boolean {
  return /^\s*0\s/m.test(readTextIfThere(`/proc/${pid}/uid_map`) ?? "");
}

const PORT_HINT = "the port may be taken; below 1024 only root may publish one";

/** Publishes a port by slirp4netns's API (slirp4netns(1), API SOCKET). */
function forward(socketPath: string, { address, host, container, protocol }: PublishedPort): void {
  const socket = connectUnix(socketPath);
  const args = { proto: protocol, host_addr: address ?? "0.0.0.0", host_port: host, guest_port: container };
  const request = utf8(JSON.stringify({ execute: "add_hostfwd", arguments: args }));
  check(syscall(NR.write, socket, request, request.length), "ask slirp4netns for a port");
  syscall(NR.shutdown, socket, SHUT_WR);
  const answer = new Uint8Array(4096);
  const length = check(syscall(NR.read, socket, answer, answer.length), "read slirp4netns's answer");
  close(socket);
  const said = fromUtf8(answer.subarray(0, length));
  if (said.includes('"error"')) {
    throw new BrunError(`slirp4netns cannot publish port ${host}: ${said.trim()}`, {
      where: "--publish",
      hint: PORT_HINT,
    });
  }
}

const SHUT_WR = 1;

/** Hints for messages of the programs. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /tun\b|Failed to open\(\) \/dev/i,
    "/dev/net/tun has to be there, readable and writable for all: brun doctor",
  ],
  [/Failed to bind/i, PORT_HINT],
];

/** The error of a connector: its last line, except for slirp4netns's lines about its child. */
export function connectFailure(name: Connector, output: string): BrunError {
  const lines = output.split("\n").filter((line) => !/^\s*$|^WARNING|^child failed/.test(line));
  const said = lines.at(-1)?.trim() ?? "it said nothing";
  return new BrunError(`${name} cannot connect the container: ${said}`, {
    where: `--network ${name}`,
    hint: HINTS.find(([pattern]) => pattern.test(said))?.[1],
  });
}
