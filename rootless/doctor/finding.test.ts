import { expect, test } from "bun:test";
import { doctorStatus } from "./doctor.ts";
import { fixOfHint, Subject } from "./finding.ts";
import { install, PACKAGES } from "./packages.ts";

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

test("packages by this machine's package manager", () => {
  const on = (file: string) => install(PACKAGES.uidmap, (path) => path === file).command;
  expect(on("/usr/bin/apt-get")).toBe("apt-get install -y uidmap");
  expect(on("/usr/bin/dnf")).toBe("dnf install -y shadow-utils");
  expect(on("/sbin/apk")).toBe("apk add shadow-subids");
  expect(on("none")).toBe("install the package uidmap");
});

test("the exit code is that of the worst finding", () => {
  const subject = new Subject("x", "why", { uid: 7, gid: 7, userName: null, privileged: false });
  const [ok, warn, fail] = [subject.ok("a"), subject.warn("b", null), subject.fail("c", null)];
  expect([[ok], [ok, warn], [warn, fail, ok]].map(doctorStatus)).toEqual([0, 1, 2]);
  expect(subject.warn("b", { command: "c", as: "caller" }).user).toBe("7");
});
