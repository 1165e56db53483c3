/** `brun completion`. */
import { BrunError } from "../errors.ts";
import { type Command, defineCommand } from "./command.ts";
import { print } from "./output.ts";
import { bashCompletion } from "./reference/bash.ts";
import { fishCompletion } from "./reference/fish.ts";
import { type Reference, referenceOf } from "./reference/reference.ts";
import { zshCompletion } from "./reference/zsh.ts";

const SHELLS: Readonly<Record<string, (reference: Reference) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** The command, which knows the others. */
export function completionCommand(others: readonly Command[]) {
  const command = defineCommand({
    meta: {
      name: "completion",
      description: "print a shell's completion of commands, flags and container ids",
    },
    args: {
      shell: { type: "positional", valueHint: "bash|zsh|fish", description: "bash, zsh or fish" },
    },
    details: `  bash   brun completion bash >~/.local/share/bash-completion/completions/brun
  zsh    brun completion zsh >DIR/_brun, where DIR is in $fpath
  fish   brun completion fish >~/.config/fish/completions/brun.fish`,
    run({ args }) {
      if (!Object.hasOwn(SHELLS, args.shell)) {
        throw new BrunError(`no completion for ${JSON.stringify(args.shell)}`, {
          code: "ERR_USAGE",
          hint: "bash, zsh or fish",
        });
      }
      print(SHELLS[args.shell]!(referenceOf([...others, command as unknown as Command])));
    },
  });
  return command as unknown as Command;
}
