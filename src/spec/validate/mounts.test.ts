import { cases, mapping } from "../testing/cases.ts";

cases("mounts", [
  [
    "relative",
    (s) => {
      s.mounts!.push({ destination: "tmp" });
    },
    'mounts[7].destination: "tmp" is not absolute, which is deprecated; it starts at /',
  ],
  [
    "empty",
    (s) => {
      s.mounts!.push({ destination: "" });
    },
    "! mounts[7].destination: expected an absolute path but found an empty string",
  ],
  [
    "idmap without a user namespace",
    (s) => {
      s.mounts!.push({ destination: "/x", options: ["bind", "idmap"] });
    },
    "! mounts[7]: idmap needs uidMappings and gidMappings, or a user namespace",
  ],
  [
    "idmap of tmpfs",
    (s) => {
      s.mounts!.push({ destination: "/x", uidMappings: [mapping(0, 1, 1)], gidMappings: [mapping(0, 1, 1)] });
    },
    "! mounts[7]: only bind mounts can be id-mapped",
    "! add bind or rbind to its options",
  ],
  [
    "idmap of one kind",
    (s) => {
      s.mounts!.push({ destination: "/x", options: ["rbind"], uidMappings: [mapping(0, 1, 1)] });
    },
    "! mounts[7].gidMappings: missing, uidMappings needs it",
  ],
  [
    "idmap overlap",
    (s) => {
      s.mounts!.push({
        destination: "/x",
        options: ["rbind", "ridmap"],
        uidMappings: [mapping(0, 1, 1)],
        gidMappings: [mapping(0, 0, 9), mapping(9, 5, 1)],
      });
    },
    "! mounts[7].gidMappings[1].hostID: 5 is also in the range of mounts[7].gidMappings[0]",
  ],
]);
