/** brun inside containers of real engines: the places of test/places/engines.ts. */
import { ENGINE_PLACES, type EnginePlace } from "../places/engines.ts";
import { placeVariables } from "../places/places.ts";
import type { As, Check, Suite } from "./check.ts";
import { startContainerd } from "./containerd.ts";
import { startDocker } from "./docker.ts";

/** The host's programs and libraries beside busybox, and brun. */
const BINDS = [
  ["/usr", "/usr"],
  ["/usr/lib", "/lib"],
  ["/usr/lib64", "/lib64"],
  ["$W/bin", "/w/bin"],
  ["$W/inside.sh", "/w/inside.sh"],
] as const;

const COMMAND = ["/bin/sh", "/w/inside.sh", "/tmp/place", "/w/bin/brun"];

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** podman and docker. */
function run(client: string, place: EnginePlace, inside: As): string {
  const user = inside === "user" && !place.flags?.includes("--user ") ? "--user 1000:1000" : "";
  const variables = ["HOME=/tmp/place", ...placeVariables(place)].map((each) => `-e ${quoted(each)}`);
  const binds = BINDS.map(([from, to]) => `-v ${from}:${to}:ro`);
  return [client, user, place.flags ?? "", ...variables, ...binds, "$IMAGE", ...COMMAND].join(" ");
}

/** A root file system of its own, in which inside.sh can write to /tmp. */
const ROOT = `cp -a $W/rootfs $D/rootfs
    mkdir -p $D/rootfs/w $D/rootfs/lib $D/rootfs/lib64 $D/rootfs/usr/lib
    echo ID=place >$D/rootfs/etc/os-release`;

function nspawn(place: EnginePlace, inside: As): string {
  const variables = ["HOME=/tmp/place", ...placeVariables(place)].map((each) => `--setenv=${quoted(each)}`);
  const binds = BINDS.map(([from, to]) => `--bind-ro=${from}:${to}`);
  const user = inside === "user" ? "--user=alice" : "";
  const flags = [
    "-q --register=no --keep-unit -D $D/rootfs",
    user,
    place.flags ?? "",
    ...variables,
    ...binds,
  ];
  return `${ROOT}
    systemd-nspawn ${flags.join(" ")} ${COMMAND.join(" ")}`;
}

/** The config of \`spec\`, for an ordinary user inside. */
function bundle(runtime: string, place: EnginePlace): string {
  const mounts = BINDS.map(
    ([from, to]) => `{"destination":"${to}","type":"bind","source":"${from}","options":["rbind","ro"]},`,
  );
  const args = ["/usr/bin/env", "HOME=/tmp/place", ...placeVariables(place), ...COMMAND];
  return `${ROOT}
    cd $D
    ${runtime} spec
    sed -i 's|"terminal": true|"terminal": false|; s|"readonly": true|"readonly": false|
      s|"uid": 0|"uid": 1000|; s|"gid": 0|"gid": 1000|
      s|"sh"|${args.map((each) => JSON.stringify(each)).join(",")}|
      s|"mounts": \\[|&'"${mounts.join("").replaceAll('"', '\\"')}"'|' config.json
    ${runtime} run $N`;
}

function script(place: EnginePlace, inside: As): string {
  const { engine } = place;
  // crun as root wants a limit raised that not every root may raise.
  if (engine === "podman")
    return `export RUNTIME=$([ $(id -u) = 0 ] && echo runc || echo crun)
    ${run("podman run --rm", place, inside)}`;
  if (engine === "docker") return run("docker run --rm --runtime runc", place, inside);
  return engine === "nspawn" ? nspawn(place, inside) : bundle(engine, place);
}

function checks(engines: readonly EnginePlace["engine"][]): Check[] {
  return ENGINE_PLACES.filter(({ engine }) => engines.includes(engine)).flatMap((place) =>
    (place.inside === undefined ? (["root", "user"] as const) : [place.inside]).flatMap((inside) =>
      place.as.map((as) => ({
        name: `${place.name} (${inside} inside)`,
        script: script(place, inside),
        brunOnly: true as const,
        as,
      })),
    ),
  );
}

export const places: readonly Suite[] = [
  {
    client: "places-podman",
    needs: ["podman", "conmon", "script"],
    callers: ["user", "root"],
    setUp: `podman image exists $IMAGE || podman import --quiet $W/image.tar $IMAGE`,
    tidy: "podman rm --force --all --time 0",
    checks: checks(["podman"]),
  },
  {
    client: "places-docker",
    needs: ["docker", "dockerd", "containerd", "script"],
    callers: ["root"],
    setUp: `${startContainerd}
    ${startDocker}`,
    tidy: "docker ps -aq | xargs -r docker rm -f",
    checks: checks(["docker"]),
  },
  {
    client: "places-nspawn",
    needs: ["systemd-nspawn"],
    callers: ["root"],
    setUp: ":",
    tidy: ":",
    checks: checks(["nspawn"]),
  },
  {
    client: "places-runtimes",
    needs: ["crun", "runc"],
    callers: ["user", "root"],
    setUp: ":",
    tidy: ":",
    checks: checks(["crun", "runc", "brun"]),
  },
];
