import { cases, mapping } from "../testing/cases.ts";

cases("mappings", [
  [
    "size 0",
    (s) => {
      s.linux.namespaces!.push({ type: "user" });
      s.linux.uidMappings = [mapping(0, 0, 0)];
    },
    "! linux.uidMappings[0].size: expected at least 1 but found 0",
  ],
  [
    "after the last id",
    (s) => {
      s.linux.namespaces!.push({ type: "user" });
      s.linux.uidMappings = [mapping(0, 4294967295, 1)];
    },
    "! linux.uidMappings[0]: ends after the last id, 4294967294",
  ],
  [
    "all ids",
    (s) => {
      s.linux.namespaces!.push({ type: "user" });
      s.linux.uidMappings = [mapping(0, 0, 4294967295)];
    },
  ],
  [
    "overlap inside",
    (s) => {
      s.linux.namespaces!.push({ type: "user" });
      s.linux.uidMappings = [mapping(5, 0, 1), mapping(0, 100, 6)];
    },
    "! linux.uidMappings[1].containerID: 5 is also in the range of linux.uidMappings[0]",
  ],
  [
    "adjacent",
    (s) => {
      s.linux.namespaces!.push({ type: "user" });
      s.linux.uidMappings = [mapping(1, 100000, 65535), mapping(0, 1000, 1)];
    },
  ],
  [
    "too many",
    (s) => {
      s.linux.namespaces!.push({ type: "user" });
      s.linux.uidMappings = Array.from({ length: 341 }, (_, i) => mapping(i, i, 1));
    },
    "! linux.uidMappings: expected at most 340 mappings but found 341",
  ],
]);
