import { describe, expect, test } from "bun:test";
import { nameText, parseName, type RegistryName } from "../image-name.ts";
import { candidates, endpoints, pushEndpoint, type RegistriesConf } from "./conf.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

const conf = (toml: string): RegistriesConf => {
  const table = Bun.TOML.parse(toml) as {
    registry?: RegistriesConf["registries"];
    aliases?: Record<string, string>;
    search?: string[];
  };
  return { search: table.search ?? [], registries: table.registry ?? [], aliases: table.aliases ?? {} };
};

const named = (text: string) => parseName(text) as RegistryName;

/** The endpoints of a name, in order, as "host/repository". A "!" marks an endpoint that needs no TLS. */
const places = (text: string, toml: string): string[] =>
  endpoints(named(text), conf(toml)).map(
    ({ host, repository, insecure }) => `${host}/${repository}${insecure ? "!" : ""}`,
  );

describe("registries.conf", () => {
  test.each([
    ["nothing", "example.com/team/app:1", "", ["example.com/team/app"]],
    ["docker's own host", "debian", "", ["registry-1.docker.io/library/debian"]],
    [
      "the longest prefix",
      "example.com/team/app:1",
      `registry = [{prefix = "example.com", location = "a.test"}, {prefix = "example.com/team", location = "b.test/t"}]`,
      ["b.test/t/app"],
    ],
    [
      "a prefix that only begins like the name",
      "example.com/teams/app",
      `registry = [{prefix = "example.com/team", location = "b.test/t"}]`,
      ["example.com/teams/app"],
    ],
    [
      "no prefix: the location is it",
      "example.com/app",
      `registry = [{location = "example.com", insecure = true}]`,
      ["example.com/app!"],
    ],
    [
      "mirrors, in order, before the registry",
      "docker.io/library/debian:12",
      `registry = [{prefix = "docker.io", location = "docker.io", mirror = [{location = "m.test/hub"}, {location = "n.test", insecure = true}]}]`,
      ["m.test/hub/library/debian", "n.test/library/debian!", "registry-1.docker.io/library/debian"],
    ],
    [
      "subdomains, with no location: the name stays",
      "a.b.example.com:5000/app",
      `registry = [{prefix = "*.example.com", insecure = true}]`,
      ["a.b.example.com:5000/app!"],
    ],
    [
      "subdomains, with a location and a mirror: they take the host's place",
      "a.example.com/team/app",
      `registry = [{prefix = "*.example.com", location = "all.test", mirror = [{location = "m.test/x"}]}]`,
      ["m.test/x/team/app", "all.test/team/app"],
    ],
    [
      "a prefix with a tag",
      "example.com/app:1",
      `registry = [{prefix = "example.com/app:1", location = "old.test/app:1"}]`,
      ["old.test/app"],
    ],
    [
      "a prefix with another tag",
      "example.com/app:2",
      `registry = [{prefix = "example.com/app:1", location = "old.test/app:1"}]`,
      ["example.com/app"],
    ],
  ])("%s", (_, text, toml, expected) => {
    expect(places(text, toml)).toEqual(expected);
  });

  test("mirrors for digests or tags alone", () => {
    const mirrors = `mirror = [{location = "d.test", pull-from-mirror = "digest-only"}, {location = "t.test", pull-from-mirror = "tag-only"}, {location = "a.test"}]`;
    const toml = `registry = [{location = "example.com", ${mirrors}}]`;
    expect(places("example.com/app:1", toml)).toEqual(["t.test/app", "a.test/app", "example.com/app"]);
    expect(places(`example.com/app@${DIGEST}`, toml)).toEqual([
      "d.test/app",
      "a.test/app",
      "example.com/app",
    ]);
    const all = `registry = [{location = "example.com", mirror-by-digest-only = true, mirror = [{location = "m.test"}]}]`;
    expect(places("example.com/app:1", all)).toEqual(["example.com/app"]);
    expect(places(`example.com/app@${DIGEST}`, all)).toEqual(["m.test/app", "example.com/app"]);
  });

  test("what is pushed goes to the registry of its name", () => {
    const toml = `registry = [{prefix = "example.com", location = "b.test", insecure = true, mirror = [{location = "m.test"}]}]`;
    const { host, repository, insecure } = pushEndpoint(named("example.com/app"), conf(toml));
    expect([host, repository, insecure]).toEqual(["example.com", "app", true]);
  });

  test("blocked registries, and locations that are none", () => {
    const blocked = conf(
      `registry = [{location = "example.com", blocked = true, mirror = [{location = "m.test"}]}]`,
    );
    expect(() => endpoints(named("example.com/app"), blocked)).toThrow("example.com is blocked");
    expect(() => pushEndpoint(named("example.com/app"), blocked)).toThrow("example.com is blocked");
    const short = conf(`registry = [{prefix = "example.com/app", location = "b.test"}]`);
    expect(() => endpoints(named("example.com/app"), short)).toThrow('has "b.test" for example.com/app');
  });

  test.each([
    ["short", `aliases = {short = "example.com/long/name"}`, ["example.com/long/name:latest"]],
    ["short:2", `aliases = {short = "example.com/long/name"}`, ["example.com/long/name:2"]],
    ["team/app", `search = ["a.test", "docker.io"]`, ["a.test/team/app:latest", "docker.io/team/app:latest"]],
    ["app", `search = ["a.test", "docker.io"]`, ["a.test/app:latest", "docker.io/library/app:latest"]],
    ["app", "", ["docker.io/library/app:latest"]],
    ["localhost/app", `search = ["a.test"]`, ["localhost/app:latest"]],
  ])("the name %s with %s", (text, toml, expected) => {
    expect(candidates(named(text), conf(toml)).map(nameText)).toEqual(expected);
  });
});
