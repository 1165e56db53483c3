import { type Case, cases, without } from "../testing/cases.ts";

cases("config", [
  ["default", () => {}],
  [
    "version 1.0.0-rc5-dev",
    (s) => {
      s.ociVersion = "1.0.0-rc5-dev";
    },
  ],
  [
    "version 1.3.9",
    (s) => {
      s.ociVersion = "1.3.9";
    },
  ],
  [
    "version 1.4.0",
    (s) => {
      s.ociVersion = "1.4.0";
    },
    "~ ociVersion: 1.4.0 is later than 1.3.0: what is new in it is ignored",
  ],
  [
    "version 2",
    (s) => {
      s.ociVersion = "2.0.0";
    },
    'ociVersion: expected 1.x.y but found "2.0.0": the config is read as one of 1.3.0',
  ],
  [
    "version 1.10.0",
    (s) => {
      s.ociVersion = "1.10.0";
    },
    "~ ociVersion: 1.10.0 is later than 1.3.0: what is new in it is ignored",
  ],
  [
    "version without a patch level",
    (s) => {
      s.ociVersion = "1.0";
    },
    'ociVersion: expected 1.x.y but found "1.0": the config is read as one of 1.3.0',
  ],
  [
    "version empty",
    (s) => {
      s.ociVersion = "";
    },
    'ociVersion: expected 1.x.y but found "": the config is read as one of 1.3.0',
  ],
  [
    "root.path empty",
    (s) => {
      s.root.path = "";
    },
    "! root.path: expected a path but found an empty string",
  ],
  ["hostname without uts", (s) => without(s, "uts"), "! hostname: needs a uts namespace in linux.namespaces"],
  [
    "hostname of 64 bytes",
    (s) => {
      s.hostname = "x".repeat(64);
    },
  ],
  [
    "hostname of 65 bytes",
    (s) => {
      s.hostname = `${"x".repeat(63)}\u00e9`;
    },
    "! hostname: expected at most 64 bytes but found 65",
  ],
  [
    "hostname with a newline",
    (s) => {
      s.hostname = "a\nb";
    },
    '! hostname: expected no spaces, slashes or control characters but found "a\\nb"',
  ],
  [
    "hostname empty",
    (s) => {
      s.hostname = "";
      without(s, "uts");
    },
  ],
  [
    "domainname",
    (s) => {
      s.domainname = "a/b";
    },
    '! domainname: expected no spaces, slashes or control characters but found "a/b"',
  ],
  [
    "annotation without a key",
    (s) => {
      s.annotations = { "": "x" };
    },
    "~ annotations: one has an empty key, which the spec forbids",
  ],
  ...["..", "/", "a/../b", "."].map(
    (part): Case => [
      `${part} as the part of the cgroup for the container`,
      (s) => {
        s.annotations = { "run.oci.delegate-cgroup": part };
      },
      `! annotations["run.oci.delegate-cgroup"]: expected a path below the container's cgroup but found "${part}"`,
    ],
  ),
  [
    "crun's annotations without an effect here",
    (s) => {
      s.annotations = {
        "run.oci.handler": "krun",
        "run.oci.hooks.stdout": "/x",
        "org.example": "run.oci.handler",
      };
    },
    'annotations["run.oci.handler"]: ignored, brun starts programs alone, no virtual machines or WebAssembly',
  ],
  [
    "one of crun's annotations misspelt",
    (s) => {
      s.annotations = { "run.oci.hooks.stdin": "/x" };
    },
    '~ annotations["run.oci.hooks.stdin"]: ignored, it has no effect with brun',
  ],
  [
    "mounts without a mount namespace",
    (s) => {
      without(s, "mount");
      Object.assign(s.linux, { maskedPaths: [], readonlyPaths: [] });
    },
    "mounts: without a mount namespace in linux.namespaces they are made on the host, and stay",
  ],
  [
    "for Windows",
    (s) => {
      Object.assign(s, { windows: {}, vm: null });
    },
    "~ windows: ignored, this is Linux",
  ],
]);
