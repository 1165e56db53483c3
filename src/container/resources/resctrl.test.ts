import { expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { joinResctrl, resctrlMount, updateResctrl } from "./resctrl.ts";

/** A directory that stands for resctrl: groups with their files have to be there before. */
function withGroups(use: (mount: string) => void, ...groups: string[]): void {
  const mount = mkdtempSync(`${tmpdir()}/brun-resctrl-`);
  try {
    for (const group of ["", ...groups]) {
      mkdirSync(`${mount}/${group}/mon_groups`, { recursive: true });
      for (const file of ["schemata", "tasks"]) writeFileSync(`${mount}/${group}/${file}`, "");
    }
    use(mount);
  } finally {
    rmSync(mount, { recursive: true });
  }
}

test("the mount is found in mountinfo, and its absence refused", () => {
  const line = "40 20 0:30 / /sys/fs/resctrl rw,relatime shared:9 - resctrl resctrl rw";
  expect(resctrlMount(`1 0 8:1 / / rw - ext4 /dev/sda rw\n${line}\n`)).toBe("/sys/fs/resctrl");
  expect(() => resctrlMount("1 0 8:1 / / rw - ext4 /dev/sda rw\n")).toThrow("needs resctrl");
});

test("an existing group gets the schemata and the process, and stays", () => {
  withGroups((mount) => {
    const rdt = { closID: "gold", l3CacheSchema: "L3:0=f", memBwSchema: "MB:0=50", schemata: ["L2:0=1"] };
    expect(joinResctrl(mount, rdt, "box", 42)).toBeNull();
    expect(readFileSync(`${mount}/gold/schemata`, "utf8")).toBe("L3:0=f\nMB:0=50\nL2:0=1\n");
    expect(readFileSync(`${mount}/gold/tasks`, "utf8")).toBe("42");
  }, "gold");
});

test("the default group is the mount itself", () => {
  withGroups((mount) => {
    expect(joinResctrl(mount, { closID: "/" }, "box", 7)).toBeNull();
    expect(readFileSync(`${mount}/tasks`, "utf8")).toBe("7");
  });
});

test("a named group without a schema has to exist; without a name the container's is made", () => {
  withGroups((mount) => {
    expect(() => joinResctrl(mount, { closID: "none" }, "box", 1)).toThrow("no schema to make it with");
    // A plain directory has no files of its own, which is where this ends here.
    expect(() => joinResctrl(mount, { schemata: ["L3:0=1"] }, "box", 1)).toThrow("box/schemata");
    expect(existsSync(`${mount}/box`)).toBe(true);
  });
});

test("an update is for the group that the process is in, and never for the default one", () => {
  withGroups(
    (mount) => {
      writeFileSync(`${mount}/tasks`, "1\n7\n");
      writeFileSync(`${mount}/gold/tasks`, "41\n42\n");
      updateResctrl(mount, 42, ["L3:0=3", "MB:0=20"]);
      expect(readFileSync(`${mount}/gold/schemata`, "utf8")).toBe("L3:0=3\nMB:0=20\n");
      expect(() => updateResctrl(mount, 7, ["L3:0=3"])).toThrow("in no group of Intel RDT");
      expect(() => updateResctrl(mount, 4, ["L3:0=3"])).toThrow("in no group of Intel RDT");
    },
    "gold",
    "silver",
  );
});
