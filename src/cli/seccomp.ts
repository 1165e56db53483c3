/** `brun seccomp record`: the profile of the system calls that a bundle's container makes. */
import { addsUserNamespace } from "../container/lifecycle/decide.ts";
import { run } from "../container/lifecycle/run.ts";
import { BrunError } from "../errors.ts";
import { ownCommand } from "../host/ask.ts";
import { environment } from "../host/ask-caller.ts";
import { ownHook } from "../sandbox/own-hook.ts";
import {
  agentDirectory,
  agentSocket,
  checkRecordFile,
  recordingFilter,
  recordRequest,
  syscallNames,
  withAgentHooks,
} from "../seccomp/record/record.ts";
import { type LoadedSpec, loadSpec } from "../spec/index.ts";
import { absolute } from "../sys/fs.ts";
import { retellAction, unknownAction } from "./action.ts";
import { defineCommand } from "./command.ts";
import { openRuntime } from "./globals.ts";
import { containerId } from "./hot-flags.ts";

const RECORD = "record";

export default defineCommand({
  meta: { name: "seccomp", description: "record the system calls of a bundle's container as a profile" },
  args: {
    action: { type: "positional", description: RECORD },
    "container-id": containerId,
    bundle: {
      type: "string",
      alias: "b",
      valueHint: "dir",
      default: ".",
      description: "directory of the bundle",
    },
    output: { type: "string", alias: "o", valueHint: "file", description: "the profile; needed" },
  },
  details: `Runs the container in the foreground, as brun run does, and writes the profile when it has ended. The profile
allows the system calls that were made and that the bundle's linux.seccomp allows. It has the form of linux.seccomp. brun adds to
an existing profile, so that several runs make one.

EXAMPLE
  brun seccomp record --bundle demo --output profile.json my-container
  brun run --host --seccomp-record profile.json -- make test`,
  retell: retellAction("seccomp", [RECORD]),
  run({ args, data }) {
    const { action, bundle, output, "container-id": id } = args;
    if (action !== RECORD) throw unknownAction("seccomp", action, [RECORD], [id]);
    if (!output)
      throw new BrunError("the profile needs a file to be written to", {
        code: "ERR_USAGE",
        where: "--output",
        hint: "--output FILE names one",
      });
    const rt = openRuntime(data);
    const place = { directory: agentDirectory(rt.root), id };
    const file = absolute(output);
    checkRecordFile(file);
    const loaded = loadSpec(`${absolute(bundle)}/config.json`, { addsUserNamespace: addsUserNamespace(rt) });
    const { spec } = loaded;
    const filter = spec.linux?.seccomp ?? null;
    const hook = ownHook({ self: ownCommand(), environment: environment() });
    const recorded: LoadedSpec = {
      ...loaded,
      spec: {
        ...spec,
        hooks: withAgentHooks(spec.hooks, "seccomp-record", place, recordRequest({ file, filter }), hook),
        linux: {
          ...spec.linux,
          seccomp: recordingFilter(filter, agentSocket(place), { names: syscallNames, has: () => true }),
        },
      },
    };
    return run(rt, {
      id,
      bundle,
      loaded: recorded,
      detach: false,
      keep: false,
      noSubreaper: false,
      noPivot: false,
      noNewKeyring: false,
      preserveFds: 0,
    });
  },
});
