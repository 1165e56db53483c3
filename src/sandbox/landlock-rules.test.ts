/** Tests what --landlock restricts, by the version of the kernel's landlock. */
import { describe, expect, test } from "bun:test";
import { landlockPlan } from "./landlock-rules.ts";
import { fixtureView, hostOptions } from "./testing/fixture.ts";

const TEMPORARY = "/tmp/brun-landlock-x";
const plan = (abi: number, connectPort: readonly string[] = []) =>
  landlockPlan(hostOptions({ landlock: true, connectPort }), fixtureView(), abi, TEMPORARY);

/** For each version: the number of its rights to files (linux/landlock.h), its network rights, its scopes, the notice. */
const VERSIONS: readonly (readonly [abi: number, fs: number, net: number, scoped: number, lacks: RegExp])[] =
  [
    [
      1,
      13,
      0,
      0,
      /^files cannot be moved .*, files elsewhere .*truncate.*, your other processes can be signalled$/,
    ],
    [2, 14, 0, 0, /^files elsewhere .*truncate.*, your other processes can be signalled$/],
    [3, 15, 0, 0, /^your other processes can be signalled$/],
    [4, 15, 3, 0, /^your other processes can be signalled$/],
    [5, 16, 3, 0, /^your other processes can be signalled$/],
    [6, 16, 3, 3, /^$/],
    [7, 16, 3, 3, /^$/],
  ];

describe("--landlock", () => {
  for (const [abi, fs, net, scoped, lacks] of VERSIONS) {
    test(`ABI ${abi}: asks for no right that the kernel does not know, and says what it lacks`, () => {
      const { handled, rules, lacks: said } = plan(abi);
      expect(handled).toEqual({ fs: 2 ** fs - 1, net, scoped });
      for (const { path, access } of rules) expect([path, access & ~handled.fs]).toEqual([path, 0]);
      expect(said.join(", ")).toMatch(lacks);
      const written = rules.filter(({ access }) => (access & 2) !== 0).map(({ path }) => path);
      expect(written.filter((path) => !path.startsWith("/dev/"))).toEqual([fixtureView().cwd(), TEMPORARY]);
    });
  }

  test("the directory of --workdir is writable instead of the current one", () => {
    const options = hostOptions({ landlock: true, workdir: "/srv/root" });
    const { rules } = landlockPlan(options, fixtureView(), 6, TEMPORARY);
    const written = rules.filter(({ access }) => (access & 2) !== 0).map(({ path }) => path);
    expect(written.filter((path) => !path.startsWith("/dev/"))).toEqual(["/srv/root", TEMPORARY]);
    const secret = hostOptions({ landlock: true, workdir: "~" });
    expect(() => landlockPlan(secret, fixtureView(), 6, TEMPORARY)).toThrow(/cannot be writable/);
  });

  test("a port is refused where the kernel knows none", () => {
    expect(() => plan(3, ["443"])).toThrow("this kernel's landlock (ABI 3) knows no ports");
    expect(plan(4, ["443"]).ports).toEqual([443]);
  });
});
