import { cases, without } from "../testing/cases.ts";

const device = (path: string, major = 10, minor = 229) => ({ path, type: "c" as const, major, minor });

cases("devices", [
  [
    "good",
    (s) => {
      s.linux.devices = [
        device("/dev/fuse"),
        device("/dev/fuse2"),
        { path: "/run/pipe", type: "p", major: 0, minor: 0 },
      ];
    },
  ],
  [
    "relative",
    (s) => {
      s.linux.devices = [device("fuse")];
    },
    '! linux.devices[0].path: expected an absolute path but found "fuse"',
  ],
  [
    "numbers",
    (s) => {
      s.linux.devices = [device("/a", 4096, 1048576)];
    },
    "! linux.devices[0].major: expected at most 4095 but found 4096",
    "! linux.devices[0].minor: expected at most 1048575 but found 1048576",
  ],
  [
    "the same twice",
    (s) => {
      s.linux.devices = [device("/a"), { ...device("/a"), type: "u" }];
    },
    "~ linux.devices[1].path: /a is listed twice",
  ],
  [
    "different at one path",
    (s) => {
      s.linux.devices = [device("/a"), device("/a", 10, 1)];
    },
    "! linux.devices[1].path: /a is listed twice, as different devices",
  ],
  [
    "network device",
    (s) => {
      s.linux.netDevices = { eth0: {}, eth1: { name: "wan%d" }, eth2: { name: "wan%d" } };
    },
  ],
  [
    "network device of the host",
    (s) => {
      s.linux.netDevices = { eth0: {} };
      without(s, "network");
    },
    "! linux.netDevices: needs a network namespace in linux.namespaces",
  ],
  [
    "network device names",
    (s) => {
      s.linux.netDevices = { "eth:0": { name: "0123456789abcdef" } };
    },
    '! linux.netDevices["eth:0"]: is not a name of a network device',
    '! linux.netDevices["eth:0"].name: expected a name of a network device but found "0123456789abcdef"',
  ],
  [
    "network device twice",
    (s) => {
      s.linux.netDevices = { eth0: { name: "x" }, eth1: { name: "x" } };
    },
    "! linux.netDevices.eth1: x is there twice",
  ],
]);
