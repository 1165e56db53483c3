/** podman: pods, whose containers share namespaces. */
import type { Check } from "./check.ts";

export const podmanPods: readonly Check[] = [
  {
    name: "pod: shared net, ipc and uts",
    script: `
    podman pod create --name $N --network none --infra-image $IMAGE --infra-command "/bin/sleep 1000"
    podman run -d --pod $N --name $N-a $IMAGE sleep 1000
    podman run -d --pod $N --name $N-b $IMAGE sleep 1000
    for ns in net ipc uts; do
      is "$(podman exec $N-a readlink /proc/self/ns/$ns)" "$(podman exec $N-b readlink /proc/self/ns/$ns)"
    done
    [ "$(podman exec $N-a readlink /proc/self/ns/pid)" != "$(podman exec $N-b readlink /proc/self/ns/pid)" ]
    podman pod stop -t 0 $N
    podman pod rm $N`,
  },
  {
    name: "pod: shared pid",
    script: `
    podman pod create --name $N --share net,ipc,uts,pid --network none --infra-image $IMAGE --infra-command "/bin/sleep 1000"
    podman run -d --pod $N --name $N-a $IMAGE sleep 1001
    eventually sh -c "podman run --rm --pod $N $IMAGE ps -o args | grep 'sleep 1001'"
    podman pod kill $N`,
  },
  {
    name: "pod: pause, unpause, restart, top, stats",
    script: `
    podman pod create --name $N --network none --infra-image $IMAGE --infra-command "/bin/sleep 1000"
    podman run -d --pod $N --name $N-a $IMAGE sleep 1000
    podman pod pause $N
    podman pod unpause $N
    podman pod restart $N
    has "$(podman pod top $N args)" "sleep"
    podman pod rm -f -t 0 $N`,
  },
  {
    name: "pod: its own pause image",
    script: `
    podman pod create --name $N --network none
    is "$(podman run --rm --pod $N $IMAGE echo hi)" hi`,
  },
  {
    name: "generate kube, play kube",
    script: `
    podman pod create --name $N --network none --infra-image $IMAGE --infra-command "/bin/sleep 1000"
    podman run -d --pod $N --name $N-a $IMAGE sleep 1000
    podman generate kube $N >$D/pod.yaml
    podman pod rm -f -t 0 $N
    sed -i '/hostname:/d' $D/pod.yaml
    podman play kube --network none $D/pod.yaml
    is "$(podman inspect -f '{{.State.Status}}' $N-$N-a 2>/dev/null || podman inspect -f '{{.State.Status}}' $N-a)" running`,
  },
];
