/** `brun completion`. */

import { BrunError } from "../errors.ts";
import { quoted } from "../printable.ts";
import { type Command, defineCommand } from "./command.ts";
import { print } from "./output.ts";
import { bashCompletion } from "./reference/bash.ts";
import { type Reference, referenceOf } from "./reference/commands.ts";
import { fishCompletion } from "./reference/fish.ts";
import { zshCompletion } from "./reference/zsh.ts";

/** By shell: what makes its completion, and the name of the file in which the shell looks for it. */
export const COMPLETIONS: Readonly<
  Record<string, { readonly file: string; readonly text: (reference: Reference) => string }>
> = {
  bash: { file: "brun", text: bashCompletion },
  zsh: { file: "_brun", text: zshCompletion },
  fish: { file: "brun.fish", text: fishCompletion },
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
  fish   brun completion fish >~/.config/fish/completions/brun.fish

EXAMPLE
  brun completion bash >~/.local/share/bash-completion/completions/brun`,
    run({ args }) {
      if (!Object.hasOwn(COMPLETIONS, args.shell)) {
        throw new BrunError(`no completion for ${quoted(args.shell)}`, {
          code: "ERR_USAGE",
          hint: "bash, zsh or fish",
        });
      }
      print(COMPLETIONS[args.shell]!.text(referenceOf([...others, command as unknown as Command])));
    },
  });
  return command as unknown as Command;
}
