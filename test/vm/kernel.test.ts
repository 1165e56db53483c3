/** What depends on the kernel's version: Debian's is older than 6.15, where a detached mount cannot be cloned. */
import { describe, expect, test } from "bun:test";
import { PlacedSandbox, place } from "./place.ts";

const here = place();
if (here !== undefined) {
  describe(`an older kernel at ${here.name}`, () => {
    test("every masked directory is an empty read-only one, files are empty", async () => {
      await using box = new PlacedSandbox(here);
      const directories = ["/one", "/two", "/three/deep"];
      const script = `for d in ${directories.join(" ")}; do
        ls -A $d | wc -l; touch $d/x 2>/dev/null || echo read-only; done; wc -c </etc/passwd; wc -c </etc/group`;
      const { stdout, stderr } = await box.sh(script, (spec) => {
        for (const destination of directories) {
          spec.mounts.push({ destination, type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"] });
        }
        spec.linux.maskedPaths = [...directories, "/etc/passwd", "/etc/group", "/not/there"];
      });
      expect(stderr).toBe("");
      expect(stdout).toBe(`${"0\nread-only\n".repeat(3)}0\n0\n`);
    });
  });
}
