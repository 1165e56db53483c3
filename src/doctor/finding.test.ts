import { expect, test } from "bun:test";
import { BrunError } from "../errors.ts";
import { addAsRoot, advice, runAsRoot } from "../fix.ts";
import { installCommand, PACKAGES } from "../package-names.ts";
import { StepError } from "../stage/step-error.ts";
import { doctorStatus } from "./doctor.ts";
import { install, remedy, remedyOf, Subject } from "./finding.ts";

test("what removes the cause of an error, and who does it", () => {
  expect(remedyOf(new BrunError("x"))).toBeNull();
  expect(remedyOf(new BrunError("x", { hint: "start brun outside" }))).toEqual({
    command: "start brun outside",
    as: "caller",
  });
  const sysctl = runAsRoot("sysctl -w user.max_user_namespaces=15000", ", and put it into a file");
  const error = new BrunError("x", { fix: sysctl });
  expect(error.text).toBe(
    'x; hint: run "sysctl -w user.max_user_namespaces=15000" as root, and put it into a file',
  );
  const command = { command: "sysctl -w user.max_user_namespaces=15000", as: "root" } as const;
  expect(remedyOf(error.about("--host"))).toEqual(command);
  expect(remedyOf(new StepError(error, [], 0, 0))).toEqual(command);
  // The cause is in the hint alone.
  expect(remedyOf(new BrunError("x", { fix: advice("map it", "root"), hint: "why: map it" }))).toEqual({
    command: "why: map it",
    as: "root",
  });
  expect(remedy(addAsRoot("dev:100000:65536", "/etc/subuid"))).toEqual({
    command: "echo dev:100000:65536 >> /etc/subuid",
    as: "root",
  });
});

test("packages are root's to install, by the command of an error's hint", () => {
  const command = installCommand(PACKAGES.uidmap);
  expect(install(PACKAGES.uidmap)).toEqual({
    command: command ?? "install what Debian's package uidmap has, as root",
    as: "root",
  });
});

test("the exit code is that of the worst finding", () => {
  const subject = new Subject("x", "why", { uid: 7, gid: 7, userName: null, privileged: false });
  const [ok, warn, fail] = [subject.ok("a"), subject.warn("b", null), subject.fail("c", null)];
  expect([[ok], [ok, warn], [warn, fail, ok]].map(doctorStatus)).toEqual([0, 1, 2]);
  expect(subject.warn("b", { command: "c", as: "caller" }).user).toBe("7");
});
