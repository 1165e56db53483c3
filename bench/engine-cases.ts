/** Cases about podman with each runtime: how much of an engine's time the runtime decides. */
import { host } from "../test/support/caller.ts";
import { type Case, type Command, timed } from "./case.ts";
import { podman } from "./image-cases.ts";
import type { Stand } from "./setup.ts";

const IMAGE = "localhost/bench:1";
const FLAGS = ["--network", "none", "--cgroups", "disabled"];

/** podman gives runc no container without cgroups. */
const REFUSED = "runc";

/** Jobs with podman for each runtime; none where podman is not installed. */
function eachPodman(
  stand: Stand,
  key: string,
  commands: (by: string[], name: string) => Command[],
): Map<string, Command[]> {
  const jobs = new Map<string, Command[]>();
  const path = Bun.which("podman");
  if (path === null) {
    console.error("bench: podman is not installed and left out");
    return jobs;
  }
  const bundle = stand.bundle(key);
  stand.addPause(`${bundle}/rootfs/bin/pause`);
  const archive = `${stand.dir}/${key}.tar`;
  host("tar", "-C", `${bundle}/rootfs`, "--owner=0", "--group=0", "-cf", archive, ".");
  stand.start(podman(stand, path, "import", "-q", archive, IMAGE));
  for (const name of stand.runtimes.filter((each) => each !== REFUSED))
    jobs.set(name, commands(podman(stand, path, "--runtime", stand.programs[name]!), name));
  return jobs;
}

export const ENGINE_CASES: readonly Case[] = [
  {
    key: "podman-run",
    title: "`podman run` with each runtime",
    goal: { share: 1.0, of: "crun" },
    everyNth: 5,
    prepare: (stand) =>
      eachPodman(stand, "podman-run", (by) => [timed(...by, "run", "--rm", ...FLAGS, IMAGE, "/bin/true")]),
  },
  {
    key: "podman-exec",
    title: "`podman exec` with each runtime",
    goal: { share: 1.0, of: "crun" },
    everyNth: 5,
    prepare: (stand) =>
      eachPodman(stand, "podman-exec", (by, name) => {
        stand.start([...by, "run", "-d", "--name", `bench-${name}`, ...FLAGS, IMAGE, "/bin/pause"]);
        return [timed(...by, "exec", `bench-${name}`, "/bin/true")];
      }),
    finish: (stand) => {
      const path = Bun.which("podman");
      if (path !== null) stand.start(podman(stand, path, "rm", "--all", "--force", "-t", "0"));
    },
  },
];
