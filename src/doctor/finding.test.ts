import { expect, test } from "bun:test";
import { installCommand, PACKAGES } from "../package-names.ts";
import { doctorStatus } from "./doctor.ts";
import { fixOfHint, install, Subject } from "./finding.ts";

test("the command in a hint, and who runs it", () => {
  expect(fixOfHint(undefined)).toBeNull();
  expect(fixOfHint('run "sysctl -w user.max_user_namespaces=15000" as root, and put it into a file')).toEqual(
    {
      command: "sysctl -w user.max_user_namespaces=15000",
      as: "root",
    },
  );
  expect(fixOfHint('add "dev:100000:65536" to /etc/subuid as root')).toEqual({
    command: "echo dev:100000:65536 >> /etc/subuid",
    as: "root",
  });
  expect(fixOfHint("start brun outside")).toEqual({ command: "start brun outside", as: "caller" });
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
