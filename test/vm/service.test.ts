/** brun as a service of systemd: Type=notify and socket activation, with systemd's own programs on both sides. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { close } from "../../src/sys/fs.ts";
import { connectUnix } from "../../src/sys/socket.ts";
import { host } from "../support/caller.ts";
import { until } from "../support/processes.ts";
import type { Sandbox } from "../support/sandbox.ts";
import { brunPath } from "../support/workspace.ts";
import { type Place, PlacedSandbox, place } from "./place.ts";

/** Commands to the systemd of a place. */
function manager(at: Place) {
  const user = at.user ? ["--user"] : [];
  const show = (unit: string, property: string): string =>
    host("systemctl", ...user, "show", "--value", "-p", property, unit).trim();
  return {
    show,
    /** Starts a transient service; returns when it has started, by what its type says. */
    run: (unit: string, flags: string[], command: string[]) =>
      host("systemd-run", ...user, "--quiet", `--unit=${unit}`, "--collect", ...flags, ...command),
    stop: (unit: string) => host("systemctl", ...user, "stop", unit),
  };
}

/** A bundle with the machine's programs in it, and a script to run. */
function serviceBundle(box: Sandbox, script: string): string {
  const bundle = box.bundle((spec) => {
    spec.process.args = ["/bin/sh", "-c", script];
    spec.mounts.push({ destination: "/usr", type: "bind", source: "/usr", options: ["rbind", "ro"] });
  });
  for (const name of ["lib", "lib64"]) symlinkSync(`usr/${name}`, `${bundle}/rootfs/${name}`);
  return bundle;
}

const here = place();
if (here?.systemd) {
  const { show, run, stop } = manager(here);

  describe(`brun at ${here.name} as a service`, () => {
    for (const detach of [false, true]) {
      test(`Type=notify, ${detach ? "run --detach" : "run"}: READY starts it, its main process is ${detach ? "the container's" : "brun"}`, async () => {
        await using box = new PlacedSandbox(here);
        const [id, unit] = [box.name(), `${box.name()}.service`];
        const bundle = serviceBundle(
          box,
          "trap 'exit 0' TERM; sleep 1; systemd-notify --ready --status=up; sleep 1000 & wait",
        );
        const flags = ["-p", "Type=notify", "-p", "NotifyAccess=main"];
        const how = detach ? ["--detach"] : [];
        run(unit, flags, [brunPath(), "--root", box.state, "run", ...how, "--bundle", bundle, id]);
        expect(show(unit, "ActiveState")).toBe("active");
        if (!detach) expect(show(unit, "StatusText")).toBe("up");
        const { pid } = await box.inspect(id);
        const parent = /^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]!;
        expect(show(unit, "MainPID")).toBe(detach ? `${pid}` : parent);
        stop(unit);
        await until("the container's process to end", () => !existsSync(`/proc/${pid}`));
        await box.ok(["delete", "--force", id]);
        await box.untilGone(id);
      });
    }

    test("socket activation: the container gets the socket as descriptor 3, for its own pid", async () => {
      await using box = new PlacedSandbox(here);
      const [id, unit] = [box.name(), box.name()];
      const path = `${box.dir}/listen`;
      const script = "echo $LISTEN_FDS $LISTEN_PID $$; readlink /proc/self/fd/3 | cut -c 1-7";
      const bundle = serviceBundle(box, `(${script}) >/seen.new; mv /seen.new /seen`);
      run(
        unit,
        [`--socket-property=ListenStream=${path}`],
        [...[brunPath(), "--root", box.state, "run", "--bundle", bundle, id]],
      );
      close(connectUnix(path));
      await until("the container", () => existsSync(`${bundle}/rootfs/seen`));
      expect(readFileSync(`${bundle}/rootfs/seen`, "utf8")).toBe("1 1 1\nsocket:\n");
      stop(`${unit}.socket`);
      await until("the service to end", () => show(`${unit}.service`, "ActiveState") !== "active");
      await box.untilGone(id);
    });
  });
}
