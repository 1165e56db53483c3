/** What the API's types allow and what they refuse: checked by the compiler alone, never run. */
import type {
  BrunError,
  Container,
  ContainerOptions,
  create,
  doctor,
  ErrorCode,
  explain,
  OwnContainer,
  run,
  Spec,
  SpecInput,
} from "brun";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only for `true`. */
function holds<_ extends true>(): void {}

holds<Same<ReturnType<typeof run>, Promise<OwnContainer>>>();
holds<Same<ReturnType<typeof create>, Promise<OwnContainer>>>();
holds<OwnContainer extends Container ? true : false>();
holds<Same<BrunError["code"], ErrorCode>>();
holds<Same<Awaited<ReturnType<typeof doctor>>[number]["state"], "ok" | "warn" | "fail">>();
holds<Same<Awaited<ReturnType<typeof explain>>["given"], Spec>>();

export const accepted: readonly ContainerOptions[] = [
  { bundle: "." },
  { rootfs: "/", args: ["sh"], network: "host", signal: AbortSignal.timeout(1), input: new Uint8Array() },
  { spec: { ociVersion: "1.3.0", process: { cwd: "/", args: ["sh"] }, root: { path: "rootfs" } } },
];

// A root filesystem needs a command.
// @ts-expect-error
export const withoutArgs: ContainerOptions = { rootfs: "/" };

// @ts-expect-error: there is no such stream.
export const noStream: ContainerOptions = { bundle: ".", stdout: "file" };

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
}
