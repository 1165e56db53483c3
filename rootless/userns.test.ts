import { describe, expect, test } from "bun:test";
import { E } from "../src/sys/errno.ts";
import { type HostView, hostView } from "./host-view.ts";
import { failure } from "./testing/failure.ts";
import { host, procMount } from "./testing/host-view.ts";
import { explainUserNamespace, userNamespaceError } from "./userns.ts";

describe("explainUserNamespace", () => {
  test.each<[string, number, HostView, RegExp, RegExp]>([
    [
      "Debian's switch",
      E.EPERM,
      host({ "/proc/sys/kernel/unprivileged_userns_clone": "0\n" }),
      /unprivileged_userns_clone is 0/,
      /sysctl -w kernel\.unprivileged_userns_clone=1/,
    ],
    [
      "AppArmor",
      E.EPERM,
      host({ "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1\n" }),
      /AppArmor/,
      /^run "echo 'abi <abi\/4\.0>, profile brun \/usr\/bin\/brun flags=\(unconfined\) \{ userns, \}' >/,
    ],
    [
      "AppArmor by EACCES",
      E.EACCES,
      host({ "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1\n" }),
      /AppArmor denies user namespaces/,
      /apparmor_parser -r/,
    ],
    [
      "a profile without the right",
      E.EACCES,
      host({ "/proc/self/attr/current": "docker-default (enforce)\n" }),
      /profile docker-default confines brun/,
      /apparmor=unconfined/,
    ],
    [
      "an unmapped caller",
      E.EPERM,
      host({ "/proc/self/gid_map": "0 1000 1\n" }),
      /gid is not mapped/,
      /start brun outside/,
    ],
    [
      "a chroot that is no mount point",
      E.EPERM,
      host({ "/proc/self/mountinfo": procMount }),
      /chroot/,
      /systemd-nspawn/,
    ],
    [
      "a chroot that is a mount point",
      E.EPERM,
      host({}, { "/": "1:3", "/proc/1/root/": "1:2", "/proc/1/ns/mnt": "4:7", "/proc/self/ns/mnt": "4:7" }),
      /chroot/,
      /bwrap/,
    ],
    [
      "an outer seccomp filter",
      E.EPERM,
      host({ "/proc/self/status": "Seccomp:\t2\n" }),
      /seccomp filter/,
      /seccomp=unconfined/,
    ],
    [
      "no namespaces allowed",
      E.ENOSPC,
      host({ "/proc/sys/user/max_user_namespaces": "0\n" }),
      /max_user_namespaces is 0/,
      /sysctl -w user\.max_user_namespaces=15000/,
    ],
    [
      "no network namespaces allowed",
      E.ENOSPC,
      host({ "/proc/sys/user/max_net_namespaces": "0\n" }),
      /max_net_namespaces is 0/,
      /sysctl -w user\.max_net_namespaces=15000/,
    ],
    [
      "the limit reached",
      E.EUSERS,
      host({}),
      /limit of namespaces \(63000\).*32 levels/,
      /user\.max_user_namespaces=126000/,
    ],
    [
      "a kernel without them",
      E.EINVAL,
      { ...host({}), identity: () => null },
      /built without user namespaces/,
      /CONFIG_USER_NS/,
    ],
    ["too many processes", E.EAGAIN, host({}), /RLIMIT_NPROC/, /ulimit -u/],
  ])("recognises %s", (_, errno, view, cause, fix) => {
    const diagnosis = explainUserNamespace(errno, view);
    expect(diagnosis?.cause).toMatch(cause);
    expect(diagnosis?.fix.hint).toMatch(fix);
  });

  test("blames nothing that is in order", () => {
    expect(explainUserNamespace(E.EPERM, host({}))).toBeNull();
    expect(explainUserNamespace(E.EINVAL, host({}))).toBeNull();
    expect(explainUserNamespace(E.ENOMEM, host({}))).toBeNull();
  });

  test("takes unreadable files as no evidence", () => {
    const blind: HostView = {
      uid: 1000,
      gid: 1000,
      executable: "/brun",
      read: () => null,
      identity: () => null,
    };
    expect(explainUserNamespace(E.EPERM, blind)).toBeNull();
    expect(explainUserNamespace(E.ENOSPC, blind)?.fix.hint).toContain("15000");
  });

  test("finds no cause on the machine of the tests that is not there", () => {
    const view = hostView(0, 0);
    expect(view.read("/proc/self/mountinfo")).toContain(" / ");
    expect(view.read("/nonexistent")).toBeNull();
    expect(view.identity("/")).toMatch(/^\d+:\d+:\d+$/);
  });
});

test("userNamespaceError is one line with errno, cause and fix", () => {
  const off = host({ "/proc/sys/user/max_user_namespaces": "0\n" });
  expect(
    failure(() => {
      throw userNamespaceError(E.ENOSPC, off);
    }),
  ).toBe(
    "cannot create a user namespace: ENOSPC: user.max_user_namespaces is 0; hint: run " +
      '"sysctl -w user.max_user_namespaces=15000" as root, and put user.max_user_namespaces=15000 into ' +
      "/etc/sysctl.d/90-userns.conf to keep it",
  );
  expect(userNamespaceError(E.EPERM, host({}))).toMatchObject({
    message: "cannot create a user namespace: EPERM",
    hint: expect.stringContaining("in a chroot"),
  });
});

test("the remedy is that of the engine whose container brun is in", () => {
  const filtered = { "/proc/self/status": "Seccomp:\t2\n" };
  const fix = (environ: string, identities: Record<string, string> = {}) =>
    explainUserNamespace(E.EPERM, host({ ...filtered, "/proc/self/environ": environ }, identities))?.fix.hint;
  expect(fix("A=1\0container=brun\0", { "/.dockerenv": "1:1" })).toContain("--allow-nesting");
  expect(fix("KUBERNETES_SERVICE_HOST=10.0.0.1\0")).toContain("seccompProfile");
  expect(fix("", { "/run/.containerenv": "1:1" })).toContain("--security-opt seccomp=unconfined");
  expect(fix("", { "/.dockerenv": "1:1" })).toContain("--security-opt seccomp=unconfined");
});
