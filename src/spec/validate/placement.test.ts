import { cases } from "../testing/cases.ts";

cases("placement", [
  [
    "memory policy",
    (s) => {
      s.linux.memoryPolicy = { mode: "MPOL_BIND", nodes: "0,2-3" };
    },
  ],
  [
    "memory policy without nodes",
    (s) => {
      s.linux.memoryPolicy = { mode: "MPOL_BIND" };
    },
    "! linux.memoryPolicy.nodes: MPOL_BIND needs at least one node",
  ],
  [
    "memory policy with nodes",
    (s) => {
      s.linux.memoryPolicy = { mode: "MPOL_LOCAL", nodes: "0" };
    },
    "! linux.memoryPolicy.nodes: MPOL_LOCAL takes no nodes",
  ],
  [
    "memory nodes",
    (s) => {
      s.linux.memoryPolicy = { mode: "MPOL_PREFERRED", nodes: "3-1" };
    },
    '! linux.memoryPolicy.nodes: expected memory nodes such as "0-3,7" but found "3-1"',
  ],
  [
    "flags of a memory policy",
    (s) => {
      const flags = ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"] as const;
      s.linux.memoryPolicy = { mode: "MPOL_BIND", nodes: "0", flags: [...flags] };
    },
    "! linux.memoryPolicy.flags: MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other",
  ],
  [
    "closID",
    (s) => {
      s.linux.intelRdt = { closID: "a/b" };
    },
    '! linux.intelRdt.closID: expected a name without slashes but found "a/b"',
  ],
  [
    "default closID",
    (s) => {
      s.linux.intelRdt = { closID: "/" };
    },
  ],
  [
    "rdt lines",
    (s) => {
      s.linux.intelRdt = { schemata: ["L3:0=f\nMB:0=1"], memBwSchema: "a\nb", enableCMT: true };
    },
    "! linux.intelRdt.memBwSchema: expected one line but found several",
    "! linux.intelRdt.schemata[0]: expected one line but found several",
  ],
]);
