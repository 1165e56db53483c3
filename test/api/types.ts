/** What the API's types allow and what they refuse: checked by the compiler alone, never run. */
import {
  type AbortError,
  type BrunError,
  type Container,
  type ContainerOptions,
  create,
  type doctor,
  type ErrorCode,
  type explain,
  type Output,
  type OwnContainer,
  run,
  type Spec,
  type SpecInput,
} from "brun";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only for `true`. */
function holds<_ extends true>(): void {}

type Sink = WritableStream<string | Uint8Array>;
type Source = ReadableStream<Uint8Array<ArrayBuffer>>;

holds<OwnContainer extends Container ? true : false>();
holds<Same<BrunError["code"], ErrorCode>>();
holds<Same<AbortError["code"], "ABORT_ERR" | "ERR_TIMEOUT">>();
holds<Same<Awaited<ReturnType<typeof doctor>>[number]["state"], "ok" | "warn" | "fail">>();
holds<Same<Awaited<ReturnType<typeof explain>>["given"], Spec>>();

/** The streams are what the options say. */
export async function streams(mode: "pipe" | "ignore"): Promise<void> {
  const usual = await run({ rootfs: "/", args: ["sh"] });
  holds<Same<typeof usual.stdin, null>>();
  holds<Same<typeof usual.stdout, Source>>();
  holds<Same<typeof usual.stderr, Source>>();
  const piped = await run({ host: true, args: ["sh"], stdin: "pipe", stdout: "inherit", stderr: "ignore" });
  holds<Same<typeof piped.stdin, Sink>>();
  holds<Same<typeof piped.stdout, null>>();
  holds<Same<typeof piped.stderr, null>>();
  const fed = await create({ bundle: ".", input: "text" });
  holds<Same<typeof fed.stdin, null>>();
  const unknown = await run({ bundle: ".", stdout: mode });
  holds<Same<typeof unknown.stdout, Source | null>>();
  const further = await usual.exec(["cat"], { stdin: "pipe", stderr: "inherit" });
  holds<Same<typeof further.stdin, Sink>>();
  holds<Same<typeof further.stdout, Source>>();
  holds<Same<typeof further.stderr, null>>();
}

/** One call. */
export async function atOnce(): Promise<void> {
  const output = await run({ host: true, args: ["make"] }).output();
  holds<Same<typeof output, Output>>();
  const code = await run({ host: true, args: ["make"] }).wait();
  holds<Same<typeof code, number>>();
}

export const accepted: readonly ContainerOptions[] = [
  { bundle: "." },
  { rootfs: "/", args: ["sh"], network: "host", signal: AbortSignal.timeout(1), input: new Uint8Array() },
  { rootfs: "/", args: ["sh"], writable: true, readOnly: false },
  { image: "debian:12", pull: "never", tlsVerify: false },
  { image: "debian:12", keep: "try", allowNet: ["a.example"], allowNetPrivate: true, netLog: "log" },
  { host: true, args: ["sh"], network: "pasta", publish: "8080:80", rw: ".", rwAll: true, rootless: "auto" },
  { host: true, args: ["sh"], rw: ".", hide: ["/srv"], upper: "changes", timeout: "10s", memory: "1g" },
  {
    spec: { ociVersion: "1.3.0", process: { cwd: "/", args: ["sh"] }, root: { path: "rootfs" } },
    init: true,
  },
];

// A root filesystem needs a command.
// @ts-expect-error
export const withoutArgs: ContainerOptions = { rootfs: "/" };

// @ts-expect-error: there is no such stream.
export const noStream: ContainerOptions = { bundle: ".", stdout: "file" };

// @ts-expect-error: there is no such option.
export const misspelt: ContainerOptions = { rootfs: "/", args: ["sh"], memroy: "1g" };

// @ts-expect-error: the root is the one or the other.
export const both: ContainerOptions = { rootfs: "/", host: true, args: ["sh"] };

// @ts-expect-error: that is for the host.
export const rwRootfs: ContainerOptions = { rootfs: "/", args: ["sh"], rw: "/tmp" };

// @ts-expect-error: that is for a root filesystem.
export const writableHost: ContainerOptions = { host: true, args: ["sh"], writable: true };

// @ts-expect-error: nothing is written that could be kept.
export const readOnlyUpper: ContainerOptions = { host: true, args: ["sh"], upper: "changes", readOnly: true };

// @ts-expect-error: what is written is kept in one place.
export const keptTwice: ContainerOptions = { host: true, args: ["sh"], upper: "changes", keep: "try" };

// @ts-expect-error: nothing is written that could be kept.
export const readOnlyKeep: ContainerOptions = { rootfs: "/", args: ["sh"], keep: "try", readOnly: true };

// @ts-expect-error: a network by names is one of its own.
export const names: ContainerOptions = { host: true, args: ["sh"], allowNet: "a.example", network: "none" };

// @ts-expect-error: no names are allowed that could be told.
export const logWithoutNames: ContainerOptions = { host: true, args: ["sh"], netLog: "log" };

// @ts-expect-error: the ports are the host's.
export const publishedHost: ContainerOptions = { host: true, args: ["sh"], publish: "8080:80" };

// @ts-expect-error: nothing is left writable.
export const allOfNothing: ContainerOptions = { host: true, args: ["sh"], rwAll: true };

// @ts-expect-error: a bundle has its limits in config.json.
export const limitedBundle: ContainerOptions = { bundle: ".", memory: "1g" };

// @ts-expect-error: there is no such network.
export const noNetwork: ContainerOptions = { host: true, args: ["sh"], network: "bridge" };

export const badSpec: SpecInput = {
  ociVersion: "1.3.0",
  process: { cwd: "/" },
  root: { path: "rootfs" },
  // @ts-expect-error: there is no such namespace.
  linux: { namespaces: [{ type: "disk" }] },
};

export async function misuse(container: OwnContainer): Promise<void> {
  // @ts-expect-error: signals have names or numbers.
  await container.kill("TERM");
  // @ts-expect-error: a command is a list.
  await container.exec("ls -l");
  // @ts-expect-error: containers are disposed of asynchronously.
  using _ = container;
  // @ts-expect-error: the literal of a call is checked as that of a type.
  await run({ rootfs: "/", args: ["sh"], cwd: "/tmp" });
  // @ts-expect-error: what is written to it is said already.
  await run({ rootfs: "/", args: ["sh"], input: "text", stdin: "pipe" });
}
