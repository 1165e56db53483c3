import { expect, test } from "bun:test";
import { specTemplate } from "../spec/template.ts";
import { type ResolveInput, resolve } from "./resolve.ts";

const ranges = [{ start: 100000, size: 65535, origin: "/etc/subuid:1" }];

function input(changes: Partial<ResolveInput>): ResolveInput {
  const spec = specTemplate(true);
  const { uidMappings: _u, gidMappings: _g, ...linux } = spec.linux;
  return {
    spec: { ...spec, linux },
    bundle: "/bundle",
    caller: { uid: 1000, gid: 1000, userName: "dev", privileged: false },
    rootless: true,
    addUserNamespace: true,
    subids: () => ({ uid: ranges, gid: ranges }),
    rlimits: new Map(),
    oomScoreAdj: 0,
    setgroupsDenied: () => false,
    ...changes,
  };
}

const alone = () => ({ uid: [], gid: [] });

test("setgroups works with subordinate ids, and is denied to a single id", () => {
  expect(resolve(input({})).setgroups).toBe(true);
  expect(resolve(input({ subids: alone })).setgroups).toBe(false);
});

test("setgroups that is denied around brun is denied inside: unshare -r brun run", () => {
  expect(resolve(input({ setgroupsDenied: () => true })).setgroups).toBe(false);
  const caller = { uid: 0, gid: 0, userName: "root", privileged: true };
  const nested = { caller, addUserNamespace: false, setgroupsDenied: () => true };
  const spec = input({}).spec;
  const namespaces = (spec.linux.namespaces ?? []).filter((n) => n.type !== "user");
  expect(
    resolve(input({ ...nested, spec: { ...spec, linux: { ...spec.linux, namespaces } } })).setgroups,
  ).toBe(false);
});

test("a pids.limit of 0 is none before runtime-spec 1.3.0", () => {
  const limit = (ociVersion: string, limit: number) => {
    const { spec } = input({});
    const linux = { ...spec.linux, resources: { pids: { limit } } };
    return resolve(input({ spec: { ...spec, ociVersion, linux } })).spec.linux?.resources?.pids?.limit;
  };
  expect([limit("1.0.2-dev", 0), limit("1.2.1", 0), limit("1.3.0", 0)]).toEqual([undefined, undefined, 0]);
  expect([limit("1.0.2", 7), limit("1.0.2", -1)]).toEqual([7, -1]);
});
