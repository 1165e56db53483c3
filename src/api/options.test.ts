/** The API's options beside the command line's flags. */
import { describe, expect, test } from "bun:test";
import type { Flags } from "../cli/flags.ts";
import { sandboxRunFlags } from "../cli/sandbox-flags.ts";
import { BrunError } from "../errors.ts";
import type { ConfineOptions } from "./confine.ts";
import type { NetworkListeners } from "./network.ts";
import {
  CONFINE_OPTIONS,
  checkConfineOptions,
  HOST_OPTIONS,
  IMAGE_OPTIONS,
  optionsIn,
  ROOTFS_OPTIONS,
  SANDBOX_OPTIONS,
  sandboxFlags,
  sourceOf,
  WITHOUT_OPTION,
} from "./options.ts";
import { checkExecOptions } from "./settings.ts";
import type { FromHost, FromImage, FromRootfs, SandboxOptions } from "./spec.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function holds<_ extends true>(): void {}

const flags: Flags = sandboxRunFlags;
const kinds: Readonly<Record<string, string>> = {
  ...SANDBOX_OPTIONS,
  ...ROOTFS_OPTIONS,
  ...IMAGE_OPTIONS,
  ...HOST_OPTIONS,
  ...CONFINE_OPTIONS,
};
const camelCase = (flag: string) => flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

test("each flag of run --host and run --rootfs has an option of its kind, or there is a reason", () => {
  for (const [name, flag] of Object.entries(flags)) {
    if (Object.hasOwn(WITHOUT_OPTION, name)) continue;
    const kind =
      name === "env"
        ? "variables"
        : flag.type === "boolean"
          ? "switch"
          : "multiple" in flag && flag.multiple
            ? "list"
            : "text";
    expect([name, kinds[camelCase(name)]]).toEqual([name, kind]);
  }
});

test("each option has a flag, and each reason", () => {
  const named = Object.keys(flags).map(camelCase);
  for (const option of Object.keys(kinds)) expect(named).toContain(option);
  for (const flag of Object.keys(WITHOUT_OPTION)) {
    expect(Object.keys(flags)).toContain(flag);
    expect([flag, camelCase(flag) in kinds]).toEqual([flag, false]);
  }
});

test("the types have the options of the table", () => {
  type Others = keyof typeof ROOTFS_OPTIONS | keyof typeof HOST_OPTIONS | "args" | keyof NetworkListeners;
  holds<Same<Exclude<keyof FromRootfs | keyof FromHost, Others>, keyof typeof SANDBOX_OPTIONS>>();
  holds<Same<keyof SandboxOptions & keyof typeof ROOTFS_OPTIONS, never>>();
  holds<Same<Exclude<keyof FromHost, keyof FromRootfs>, keyof typeof HOST_OPTIONS>>();
  holds<
    Same<Exclude<keyof FromImage, keyof FromHost | "onProgress" | "creds">, keyof typeof IMAGE_OPTIONS>
  >();
  holds<Same<Exclude<keyof FromRootfs, keyof FromHost>, keyof typeof ROOTFS_OPTIONS>>();
  holds<Same<Exclude<keyof ConfineOptions, "args">, keyof typeof CONFINE_OPTIONS>>();
});

test("a program without a container has fewer options", () => {
  const wrong = (options: object) => {
    try {
      checkConfineOptions(options);
    } catch (error) {
      if (error instanceof BrunError) return [error.code, error.message];
    }
    return null;
  };
  const fine = { args: ["true"], rw: "/a", connectPort: ["443"], timeout: "1s", input: "x", brun: "/b" };
  expect(wrong(fine)).toBeNull();
  expect(wrong({ memory: "1g" })).toEqual([
    "ERR_USAGE",
    "memory: it does not go with landlock, where there is no container",
  ]);
  expect(wrong({ id: "a" })![1]).toContain("there is no such option");
  expect(wrong({ conectPort: "1" })![1]).toContain("there is no such option");
  expect(wrong({ dieWithParent: 1 })![0]).toBe("ERR_USAGE");
});

test("options become flags", () => {
  const options = {
    host: true,
    readOnly: true,
    allowNesting: false,
    init: false,
    memory: 1024,
    volume: "/a",
    tmpfs: ["/b", "/c"],
    env: { A: "1=2", B: undefined },
    workdir: undefined,
    stdin: "pipe",
  };
  expect(sandboxFlags(options)).toEqual([
    ...["--host", "--read-only", "--allow-nesting=false", "--no-init", "--memory=1024"],
    ...["--volume=/a", "--tmpfs=/b", "--tmpfs=/c", "--env=A=1=2"],
  ]);
});

test("exec: options that it does not have, and values", () => {
  expect(() =>
    checkExecOptions({ cwd: "/", env: {}, user: 0, caps: [], tty: undefined, timeout: 1 }),
  ).not.toThrow();
  const refused = (options: object) => expect(() => checkExecOptions(options));
  refused({ workdir: "/" }).toThrow("workdir: there is no such option");
  refused({ cwd: 1 }).toThrow("cwd: expected a text, but found a number");
  refused({ stdin: null }).toThrow("stdin: expected ignore, inherit or pipe, but found null");
});

describe("refused", () => {
  const cases: readonly (readonly [object, string])[] = [
    [{}, "there is nothing to run"],
    [{ host: true, rootfs: "/" }, "host and rootfs exclude each other"],
    [{ rootfs: "/", bundle: "." }, "rootfs and bundle exclude each other"],
    [{ host: false, args: [] }, "host: it is true or left out"],
    [{ image: "debian", bundle: "." }, "image and bundle exclude each other"],
    [{ image: "debian", writable: true }, "writable: it does not go with image"],
    [{ rootfs: "/", pull: "never" }, "pull: it does not go with rootfs"],
    [{ host: true, writable: true }, "writable: it does not go with host"],
    [{ rootfs: "/", hide: "/srv" }, "hide: it does not go with rootfs"],
    [{ bundle: ".", args: ["sh"] }, "args: it does not go with bundle"],
    [{ spec: {}, memory: 1 }, "memory: it does not go with spec"],
    [{ rootfs: "/", memroy: 1 }, "memroy: there is no such option; hint: did you mean memory?"],
    [{ rootfs: "/", memory: {} }, "memory: expected a text or a number, but found an object"],
    [{ rootfs: "/", env: ["A=1"] }, "env: expected an object with a text for each name, but found a list"],
    [{ rootfs: "/", env: { A: 1 } }, "env.A: expected a text, but found a number"],
    [{ rootfs: "/", tmpfs: [1] }, "tmpfs: expected a list of texts, but found a list"],
    [{ rootfs: "/", readOnly: "yes" }, 'readOnly: expected true or false, but found "yes"'],
    [{ host: true, stdin: "file" }, 'stdin: expected ignore, inherit or pipe, but found "file"'],
    [{ host: true, stdout: 1 }, "stdout: expected ignore, inherit or pipe, but found a number"],
    [{ host: true, input: 1 }, "input: expected a text or bytes, but found a number"],
    [{ host: true, signal: 9 }, "signal: expected an AbortSignal, but found a number"],
    [{ host: true, timeout: {} }, "timeout: expected a number or a text, but found an object"],
    [{ host: true, dieWithParent: 1 }, "dieWithParent: expected true or false, but found a number"],
    [{ host: true, id: 3 }, "id: expected a text, but found a number"],
    [{ host: true, onProgress: () => {} }, "onProgress: it does not go with host"],
    [{ host: true, rootless: "no" }, 'rootless: expected true, false or auto, but found "no"'],
    [null as unknown as object, "there is nothing to run"],
  ];
  for (const [options, message] of cases) {
    test(message, () => {
      let error: unknown;
      try {
        sourceOf(options);
        sandboxFlags(options);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(BrunError);
      expect((error as BrunError).code).toBe("ERR_USAGE");
      expect((error as BrunError).text).toStartWith(message);
    });
  }
});

test("flags in an error are options", () => {
  expect(optionsIn("--pids-limit")).toBe("pidsLimit");
  expect(optionsIn("--env-file /env:3")).toBe("envFile /env:3");
  expect(optionsIn("mounts[3]")).toBe("mounts[3]");
  expect(optionsIn("--bundle")).toBe("--bundle");
  expect(optionsIn("--keep and --upper exclude each other")).toBe("keep and upper exclude each other");
  expect(optionsIn("/a--rw")).toBe("/a--rw");
  expect(optionsIn("`brun run --host` does it")).toBe("`brun run --host` does it");
});
