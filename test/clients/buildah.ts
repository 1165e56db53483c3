/** buildah: builds whose steps run in the runtime. */
import type { Suite } from "./check.ts";

const RUN = 'buildah run --isolation oci --runtime "$(command -v $RUNTIME)"';
const BUD = 'buildah bud --isolation oci --network none --runtime "$(command -v $RUNTIME)"';

export const buildah: Suite = {
  client: "buildah",
  needs: ["buildah", "podman"],
  callers: ["user", "root"],
  setUp: `podman image exists $IMAGE || podman import --quiet $W/image.tar $IMAGE`,
  tidy: `buildah rm --all >/dev/null`,
  checks: [
    {
      name: "bud --isolation oci",
      script: `
    printf '%s\\n' "FROM $IMAGE" 'ENV A=b' 'RUN echo $A >/made && id -u >>/made' 'COPY file /file' 'USER 1000:50' \\
      'RUN id -u >/tmp/id; id -g >>/tmp/id' >$D/Containerfile
    echo text >$D/file
    ${BUD} -t localhost/$N $D
    is "$(podman run --rm localhost/$N cat /made /tmp/id /file | tr '\\n' ' ')" "b 0 1000 50 text "
    podman rmi localhost/$N`,
    },
    {
      name: "bud, podman build: steps say what their programs say, and nothing else",
      script: `
    printf '%s\\n' "FROM $IMAGE" 'RUN echo said >&2' 'RUN echo again >&2' >$D/Containerfile
    ${BUD} --quiet $D 2>$D/said
    is "$(cat $D/said)" "said
again"
    podman build --quiet --isolation oci --network none $D 2>$D/said
    is "$(cat $D/said)" "said
again"`,
    },
    {
      name: "bud: a step that fails",
      script: `
    printf '%s\\n' "FROM $IMAGE" 'RUN exit 3' >$D/Containerfile
    out=$(${BUD} $D 2>&1) && fail "built"
    has "$out" "exit status 3"`,
    },
    {
      name: "bud: a program that is missing",
      script: `
    printf '%s\\n' "FROM $IMAGE" 'RUN ["/no/such/program"]' >$D/Containerfile
    out=$(${BUD} $D 2>&1) && fail "built"
    has "$out" "[Nn]o such file or directory"`,
    },
    {
      name: "bud: --mount=type=bind, cache, tmpfs, secret",
      script: `
    printf '%s\\n' "FROM $IMAGE" 'RUN --mount=type=tmpfs,target=/t touch /t/x' \\
      'RUN --mount=type=cache,target=/c touch /c/x' \\
      'RUN --mount=type=bind,source=file,target=/b cat /b >/copied' \\
      'RUN --mount=type=secret,id=s cat /run/secrets/s >/hush' >$D/Containerfile
    echo text >$D/file
    echo hush >$D/secret
    ${BUD} --secret id=s,src=$D/secret -t localhost/$N $D
    is "$(podman run --rm localhost/$N cat /copied /hush | tr '\\n' ' ')" "text hush "
    podman rmi localhost/$N`,
    },
    {
      name: "from, run, commit",
      script: `
    box=$(buildah from --network none $IMAGE)
    is "$(${RUN} $box echo hi)" hi
    status 7 ${RUN} $box sh -c 'exit 7'
    is "$(echo in | ${RUN} $box cat)" in
    ${RUN} --user 1000 $box touch /tmp/mine
    echo text >$D/file
    is "$(${RUN} -v $D:/mnt:ro $box cat /mnt/file)" text
    buildah commit $box localhost/$N
    is "$(podman run --rm localhost/$N stat -c %u /tmp/mine)" 1000
    podman rmi localhost/$N`,
    },
    {
      name: "run -t",
      script: `
    box=$(buildah from --network none $IMAGE)
    has "$(terminal ${RUN.replaceAll('"', "")} -t $box tty)" /dev/`,
    },
    {
      name: "podman build --isolation oci",
      script: `
    printf '%s\\n' "FROM $IMAGE" 'RUN echo made >/made' >$D/Containerfile
    podman build --isolation oci --network none -t localhost/$N $D
    is "$(podman run --rm localhost/$N cat /made)" made
    podman rmi localhost/$N`,
    },
  ],
};
