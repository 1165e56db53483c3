import { describe, expect, test } from "bun:test";
import { gpuHint } from "../cli/gpu-hint.ts";
import { fixtureView, hostSandbox } from "./testing/fixture.ts";

const YAML = `
cdiVersion: 0.6.0
kind: example.com/gpu
containerEdits:
  env: [LIBRARY=common]
  mounts:
    - {hostPath: /usr/lib/card.so, containerPath: /usr/lib/card.so, options: [ro, nosuid, rbind]}
  hooks:
    - {hookName: createContainer, path: /usr/bin/link, args: [link, "--all"]}
devices:
  - name: "0"
    containerEdits:
      deviceNodes: [{path: /dev/card0, hostPath: /dev/null, permissions: rw}]
      additionalGids: [44]
  - {name: "1", containerEdits: {env: [CARD=1], deviceNodes: [{path: /dev/null}]}}
  - {name: net, containerEdits: {netDevices: [{hostInterfaceName: eth7, name: eth0}]}}
  - {name: rdt, containerEdits: {intelRdt: {closID: x}}}
  - {name: narrow, containerEdits: {deviceNodes: [{path: /dev/null, permissions: r}]}}
  - {name: gone, containerEdits: {deviceNodes: [{path: /dev/card9}]}}
  - {name: lacking, containerEdits: {mounts: [{hostPath: /usr/lib/gone.so, containerPath: /x}]}}
`;

const null_ = {
  type: "device",
  uid: 0,
  gid: 0,
  mode: 0o666,
  device: { type: "c", major: 1, minor: 3 },
} as const;
const files = {
  "/etc/cdi/example.yaml": { type: "file", uid: 0, gid: 0, mode: 0o644 },
  "/dev/null": null_,
  "/usr/lib/card.so": { type: "file", uid: 0, gid: 0, mode: 0o644 },
} as const;
const machine = { files, texts: { "/etc/cdi/example.yaml": YAML } };
const root = { rootless: false, nested: false };

describe("--device by CDI", () => {
  test("nodes, mounts, variables and hooks; what all devices need is there once", () => {
    const device = ["example.com/gpu=0", "example.com/gpu=1"];
    const { spec, notices } = hostSandbox({ device, env: ["CARD=mine"] }, machine);
    const mounts = spec.mounts!.map(({ destination, source }) => `${source} ${destination}`);
    expect(mounts).toContain("/dev/null /dev/card0");
    expect(mounts).toContain("/dev/null /dev/null");
    expect(mounts.filter((mount) => mount.includes("card.so"))).toEqual([
      "/usr/lib/card.so /usr/lib/card.so",
    ]);
    // The caller's variables have precedence.
    expect(spec.process.env).toContain("CARD=mine");
    expect(spec.process.env).toContain("LIBRARY=common");
    expect(spec.hooks).toEqual({ createContainer: [{ path: "/usr/bin/link", args: ["link", "--all"] }] });
    expect(notices.join()).toContain("the group 44 is not given");
  });

  test("root gets what takes rights over the machine, and rules for the nodes", () => {
    const device = ["net", "rdt", "narrow", "0"].map((name) => `example.com/gpu=${name}`);
    const { spec, notices } = hostSandbox({ device }, { ...machine, view: root });
    expect(spec.linux).toMatchObject({ netDevices: { eth7: { name: "eth0" } }, intelRdt: { closID: "x" } });
    expect(spec.linux!.resources!.devices).toContainEqual({
      allow: true,
      type: "c",
      major: 1,
      minor: 3,
      access: "r",
    });
    expect(spec.process.user!.additionalGids).toContain(44);
    expect(notices).toEqual([]);
  });

  test("what cannot be is refused, with what there is", () => {
    const ask =
      (device: string, more = {}) =>
      () =>
        hostSandbox({ device: [device] }, { ...machine, ...more });
    expect(ask("example.com/gpu=7")).toThrow("no device example.com/gpu=7 is described");
    expect(ask("example.com/gpu=net")).toThrow("root alone can move one");
    expect(ask("example.com/gpu=rdt")).toThrow("root alone has /sys/fs/resctrl");
    expect(ask("example.com/gpu=narrow")).toThrow("cannot narrow");
    expect(ask("example.com/gpu=gone")).toThrow("/dev/card9");
    expect(ask("example.com/gpu=lacking")).toThrow("/usr/lib/gone.so, which the device needs, is not there");
    const hint = (text: string): string => {
      try {
        ask("example.com/gpu=7", { texts: { "/etc/cdi/example.yaml": text } })();
      } catch (error) {
        return (error as { hint: string }).hint;
      }
      return "";
    };
    expect(hint(YAML)).toStartWith("there are example.com/gpu=0, example.com/gpu=1, ");
    expect(hint("a: [")).toContain("/etc/cdi/example.yaml: ");
    expect(hint("kind: x")).toContain("/etc/cdi/example.yaml: cdiVersion: ");
    expect(hint(YAML.replace("0.6.0", "2.0.0"))).toContain("a version 0 or 1 of CDI is expected");
    expect(hint(YAML.replace("createContainer", "whenever"))).toContain("hooks.0.hookName");
  });

  test("/var/run/cdi has precedence, and JSON is read", () => {
    const json = JSON.stringify({
      cdiVersion: "1.1.0",
      kind: "example.com/gpu",
      devices: [{ name: "0", containerEdits: { env: ["FROM=run"] } }],
    });
    const { spec } = hostSandbox(
      { device: ["example.com/gpu=0"] },
      {
        files: { ...files, "/var/run/cdi/x.json": files["/etc/cdi/example.yaml"] },
        texts: { ...machine.texts, "/var/run/cdi/x.json": json },
      },
    );
    expect(spec.process.env).toContain("FROM=run");
    expect(spec.mounts!.some(({ destination }) => destination === "/dev/card0")).toBe(false);
  });

  test("a directory is all devices in it", () => {
    const made = {
      ...files,
      "/dev/snd": { type: "dir", uid: 0, gid: 0, mode: 0o755 },
      "/dev/snd/a": null_,
      "/dev/snd/b": null_,
    } as const;
    const { spec } = hostSandbox({ device: ["/dev/snd"] }, { files: made });
    const places = spec
      .mounts!.map(({ destination }) => destination)
      .filter((path) => path.startsWith("/dev/snd"));
    expect(places).toEqual(["/dev/snd/a", "/dev/snd/b"]);
    expect(() =>
      hostSandbox({ device: ["/dev/dri"] }, { files: { ...files, "/dev/dri": made["/dev/snd"] } }),
    ).toThrow("there are no devices in /dev/dri");
  });

  test("--gpus says what to type here", () => {
    expect(gpuHint(fixtureView(machine))).toStartWith(
      "type --device example.com/gpu=0 --device example.com/gpu=1",
    );
    const all = { "/etc/cdi/example.yaml": YAML.replace('name: "0"', "name: all") };
    expect(gpuHint(fixtureView({ files, texts: all }))).toBe("type --device example.com/gpu=all");
    expect(gpuHint(fixtureView({ files: { "/dev/dri/renderD128": null_ } }))).toBe(
      "type --device /dev/dri/renderD128",
    );
    expect(gpuHint(fixtureView())).toContain("no graphics card is to be seen");
  });
});
