import { describe, expect, test } from "bun:test";
import { explainConfinement, explainRestriction, profileCommand } from "./apparmor.ts";
import { host } from "./testing/host-view.ts";

const RESTRICTED = { "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1\n" };
const under = (label: string) => host({ ...RESTRICTED, "/proc/self/attr/apparmor/current": `${label}\n` });

describe("explainRestriction", () => {
  test.each(["unconfined", "unconfined\0"])("the label %j: brun needs a profile", (label) => {
    expect(explainRestriction(under(label))?.fix.hint).toBe(
      `run "${profileCommand("/usr/bin/brun")}" as root, once`,
    );
  });

  test.each([
    "unprivileged_userns (enforce)",
    "brun//&unprivileged_userns (enforce)",
    "brun//&unprivileged_userns (mixed)",
    "unprivileged_userns//&:lxd-c1:unconfined (enforce)",
  ])("the label %s: a profile for brun would change nothing", (label) => {
    expect(explainRestriction(under(label))?.cause).toContain(`under ${label}`);
    // The label alone shows the restriction, too: a container hides the switch.
    const hidden = host({ "/proc/self/attr/current": `${label}\n` });
    expect(explainRestriction(hidden)?.fix.hint).toContain("start brun outside");
  });

  test.each(["brun (unconfined)", "docker-default (enforce)", "unprivileged_userns_like (enforce)"])(
    "the label %s is a profile of its own",
    (label) => {
      expect(explainRestriction(under(label))).toBeNull();
    },
  );

  test("off, or with CAP_SYS_ADMIN, there is none", () => {
    expect(explainRestriction(host({ "/proc/self/attr/current": "unconfined\n" }))).toBeNull();
    const root = host({ ...RESTRICTED, "/proc/self/status": "CapEff:\t000001ffffffffff\n" });
    expect(explainRestriction(root)).toBeNull();
    const user = host({ ...RESTRICTED, "/proc/self/status": "CapEff:\t0000000000000000\n" });
    expect(explainRestriction(user)).not.toBeNull();
  });

  test("a label of SELinux says nothing of AppArmor", () => {
    const label = "unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023";
    expect(explainRestriction(host({ "/proc/self/attr/current": `${label}\0` }))).toBeNull();
    expect(explainConfinement(host({ "/proc/self/attr/current": `${label}\0` }))).toBeNull();
  });
});

test("explainConfinement names the profiles that are enforced", () => {
  expect(explainConfinement(under("docker-default (enforce)"))?.cause).toBe(
    "the AppArmor profile docker-default confines brun",
  );
  expect(explainConfinement(under("a//&b (mixed)"))?.cause).toContain("a and b");
  for (const free of ["unconfined", "brun (unconfined)", "brun (complain)"])
    expect(explainConfinement(under(free))).toBeNull();
});

test("a profile's command needs no quotes, whatever the path is", () => {
  const command = profileCommand('/home/o\'neill/my "tools"/{a}/brun');
  expect(command).toContain("profile brun /home/o?neill/my??tools?/?a?/brun flags");
  expect(command.match(/'/g)).toHaveLength(2);
  expect(command).not.toContain('"');
});
