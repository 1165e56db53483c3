/** Which suites run at which places of the test machine; suites.sh says what a place is. */

const PLACES = ["user-systemd", "user-delegated", "root-systemd", "root-cgroupfs"];

/** What runs by default, chosen so that it is done in some minutes. */
export const SUITES = [
  "user-systemd=./test/vm/",
  "user-delegated=./test/vm/cgroup.test.ts,./test/vm/sandbox.test.ts",
  `root-systemd=${["cgroup", "checkpoint", "apparmor", "session", "limits"].map((name) => `./test/vm/${name}.test.ts`)}`,
  // Limits by cgroupfs as root: test/cgroup.test.ts has them on every machine.
  "root-cgroupfs=./test/vm/compare.test.ts,./test/vm/delegation.test.ts",
];

/**
 * Suites about containers, which `npm run test:vm -- all` runs at every place, beside test/vm. The others are about programs that
 * the machine has not got (compilers, shells, podman), or about the checkout.
 */
const INTEGRATION = [
  ...["lifecycle", "exec", "ids", "isolation", "mounts", "namespaces", "process", "seccomp", "terminal"],
  ...["hooks", "descriptors", "cgroup", "cgroup-paths", "bad-input", "crash", "limits", "notify", "sandbox"],
  ...["sandbox-rootfs", "stats", "unshare", "run-flags", "errors", "explain", "doctor", "compare"],
  ...["local-plans", "conformance/conformance"],
].map((name) => `./test/${name}.test.ts`);

/** What of a suite cannot hold at some places: all of it, or tests by a pattern of their names. */
interface Exception {
  readonly suite: string;
  readonly places: RegExp;
  readonly names?: string;
  readonly why: string;
}

const EXCEPTIONS: readonly Exception[] = [
  { suite: "./test/errors.test.ts", places: /^root-/, why: "it is about what a user meets" },
  {
    suite: "./test/errors.test.ts",
    places: /^user-/,
    names: "A limit that cannot be set|The container has no cgroup",
    why: "a cgroup can be had there",
  },
  {
    suite: "./test/errors.test.ts",
    places: /^user-systemd$/,
    names: "The runtime directory is another's",
    why: "the runtime directory is that of the session",
  },
  {
    suite: "./test/namespaces.test.ts",
    places: /^root-systemd$/,
    names: "by root of a user namespace",
    why: "root of a user namespace asks the user manager, and root has none here",
  },
  { suite: "./test/cgroup.test.ts", places: /^user-/, why: "it is about root's cgroups" },
  {
    suite: "./test/cgroup-paths.test.ts",
    places: /^user-|-systemd$/,
    why: "it asks, as root, for paths of cgroupfs; those of systemd are slice:prefix:name",
  },
];

/** The front does a `run` only where no flag names a manager of cgroups. */
const BY_THE_FRONT = "user=./test/cached-runs.test.ts,./test/cached-runs-caller.test.ts";

/** The suites that an argument of `npm run test:vm` stands for: "all" is every one, "PLACE=all" those of a place. */
export function suitesOf(argument: string): string[] {
  if (argument === "all") return [...PLACES.flatMap((place) => suitesOf(`${place}=all`)), BY_THE_FRONT];
  const place = PLACES.find((name) => argument === `${name}=all`);
  if (place === undefined) return [argument];
  return [`${place}=./test/vm/`, ...INTEGRATION.flatMap((suite) => suiteAt(place, suite))];
}

function exceptionsAt(place: string, suite: string): Exception[] {
  return EXCEPTIONS.filter((exception) => exception.suite === suite && exception.places.test(place));
}

function suiteAt(place: string, suite: string): string[] {
  const exceptions = exceptionsAt(place, suite);
  if (exceptions.some(({ names }) => names === undefined)) return [];
  const names = exceptions.map((exception) => exception.names).join("|");
  return [`${place}=${suite}${names === "" ? "" : `,-t,^(?!.*(${names}))`}`];
}

/** What {@link suitesOf} an argument leaves out, and why: a line each. */
export function leftOut(argument: string): string[] {
  return PLACES.filter((place) => argument === "all" || argument === `${place}=all`).flatMap((place) =>
    INTEGRATION.flatMap((suite) =>
      exceptionsAt(place, suite).map(
        ({ names, why }) => `not at ${place}: ${suite}${names === undefined ? "" : ` (${names})`}: ${why}`,
      ),
    ),
  );
}
