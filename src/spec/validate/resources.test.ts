import { cases } from "../testing/cases.ts";

cases("resources", [
  [
    "device rule without access",
    (s) => {
      s.linux.resources = { devices: [{ allow: true }] };
    },
    "! linux.resources.devices[0].access: expected some of r, w and m but found nothing",
  ],
  [
    "device rule",
    (s) => {
      s.linux.resources = { devices: [{ allow: true, access: "rx" }] };
    },
    '! linux.resources.devices[0].access: expected some of r, w and m but found "rx"',
  ],
  [
    "kernel memory",
    (s) => {
      s.linux.resources = { memory: { kernel: -1, kernelTCP: 1, useHierarchy: true } };
    },
    "linux.resources.memory.kernelTCP: ignored, it is obsolete",
    "~ linux.resources.memory.kernel: ignored, it is obsolete",
    "~ linux.resources.memory.useHierarchy: ignored, it is obsolete",
  ],
  [
    "weightDevice",
    (s) => {
      s.linux.resources = { blockIO: { weightDevice: [{ major: 8, minor: 0 }] } };
    },
    "! linux.resources.blockIO.weightDevice[0]: expected weight or leafWeight but found neither",
  ],
  [
    "pageSize",
    (s) => {
      s.linux.resources = { hugepageLimits: [{ pageSize: "2M/../B", limit: 1 }] };
    },
    '! linux.resources.hugepageLimits[0].pageSize: expected a size such as "2MB" but found "2M/../B"',
  ],
  [
    "priorities",
    (s) => {
      s.linux.resources = { network: { priorities: [{ name: "a b", priority: 1 }] } };
    },
    '! linux.resources.network.priorities[0].name: expected a name of a network device but found "a b"',
  ],
  [
    "rdma",
    (s) => {
      s.linux.resources = { rdma: { "a\nb": {} } };
    },
    '! linux.resources.rdma: expected names of devices but found "a\\nb"',
  ],
  [
    "unified",
    (s) => {
      s.linux.resources = { unified: { "memory.high": "1", "hugetlb.2MB.max": "0" } };
    },
  ],
  [
    "unified out of the cgroup",
    (s) => {
      s.linux.resources = { unified: { "../memory.high": "1" } };
    },
    '! linux.resources.unified["../memory.high"]: expected a file of a cgroup such as "memory.high"',
  ],
  [
    "unified without a controller",
    (s) => {
      s.linux.resources = { unified: { "..": "1" } };
    },
    '! linux.resources.unified[".."]: expected a file of a cgroup such as "memory.high"',
  ],
]);
