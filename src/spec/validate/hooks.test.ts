import { cases } from "../testing/cases.ts";

cases("hooks", [
  [
    "good",
    (s) => {
      s.hooks = { prestart: [{ path: "/x" }], poststop: [{ path: "/y", timeout: 1 }] };
    },
  ],
  [
    "relative path",
    (s) => {
      s.hooks = { poststart: [{ path: "/x" }, { path: "x" }] };
    },
    '! hooks.poststart[1].path: expected an absolute path but found "x"',
  ],
  [
    "env",
    (s) => {
      s.hooks = { prestart: [{ path: "/x", env: ["A"] }] };
    },
    '! hooks.prestart[0].env[0]: expected NAME=value but found "A"',
  ],
  [
    "timeout",
    (s) => {
      s.hooks = { prestart: [{ path: "/x", timeout: 0 }] };
    },
    "! hooks.prestart[0].timeout: expected an integer from 1 to 9007199254740991 but found 0",
  ],
]);
