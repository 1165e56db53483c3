import { describe, expect, test } from "bun:test";
import { explainProcMountRefusal } from "./proc-mount.ts";
import { host, procMount, rootMount } from "./testing/host-view.ts";

describe("explainProcMountRefusal", () => {
  const mounts = (text: string) => host({ "/proc/self/mountinfo": rootMount + text });
  const mask = (point: string) => `30 22 0:5 /null ${point} rw - tmpfs tmpfs rw\n`;

  test("names what an outer container masks", () => {
    const masked = mounts(
      procMount + ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/a\\040b"].map(mask).join(""),
    );
    expect(explainProcMountRefusal(masked)?.cause).toBe(
      "an outer container masks parts of /proc (/proc/acpi, /proc/kcore, /proc/keys and 1 more)",
    );
    expect(explainProcMountRefusal(masked)?.fix.hint).toContain("unmask=ALL");
  });

  test("recognises a read-only /proc and a missing one", () => {
    expect(explainProcMountRefusal(mounts(procMount.replace("rw,nosuid", "ro,nosuid")))?.cause).toMatch(
      /read-only/,
    );
    expect(explainProcMountRefusal(mounts(""))?.cause).toMatch(/no procfs/);
  });

  test("passes over mounts on the kernel's own mount points", () => {
    const plain = `${procMount}31 22 0:30 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw\n`;
    expect(explainProcMountRefusal(mounts(plain))).toBeNull();
  });
});
