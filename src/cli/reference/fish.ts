/** Completion for fish. */
import type { FlagReference, Reference } from "./commands.ts";

/** Names of images. */
const IMAGES = "command brun image list --names-for=(commandline -ct) 2>/dev/null";

/** The script. */
export function fishCompletion({ globals, commands }: Reference): string {
  const needsId = commands.filter(({ arguments: [first] }) => first?.existing).map(({ name }) => name);
  const takesImage = commands.filter((command) => command.arguments.some(({ image }) => image));
  const names = commands.map(({ name }) => name).join(" ");
  return `# fish completion for brun, made by "brun completion fish"

set -g __brun_commands ${names}

# The state directory that the command line names.
function __brun_root
    set -l words (commandline -opc)
    for i in (seq (count $words))
        if string match -qr -- '^--?root=' $words[$i]
            string replace -r -- '^--?root=' '--root=' $words[$i]
        else if string match -qr -- '^--?root$' $words[$i]; and test $i -lt (count $words)
            set -l next (math $i + 1)
            echo --root=$words[$next]
        end
    end
end

# None when the line has one already.
function __brun_containers
    set -l ids (command brun (__brun_root) list --quiet 2>/dev/null)
    for word in (commandline -opc)
        contains -- $word $ids; and return
    end
    printf '%s\\n' $ids
end

# The words of the program after "--", as its own completion has them.
function __brun_program
    set -l words (commandline -opc)
    set -l at (contains -i -- -- $words)
    or return
    set -l program $words[(math $at + 1)..]
    complete -C (string join ' ' -- (string escape -- $program) (commandline -ct))
end

complete -c brun -f
complete -c brun -n "__fish_seen_subcommand_from run explain unshare; and contains -- -- (commandline -opc)" -a "(__brun_program)"
${globals.map((flag) => line("not __fish_seen_subcommand_from $__brun_commands", flag)).join("\n")}
${commands.map(({ name, description }) => `complete -c brun -n "not __fish_seen_subcommand_from $__brun_commands" -a ${name} -d ${quoted(description)}`).join("\n")}
complete -c brun -n "__fish_seen_subcommand_from ${needsId.join(" ")}" -a "(__brun_containers)"
complete -c brun -n "__fish_seen_subcommand_from ${takesImage.map(({ name }) => name).join(" ")}; and not contains -- -- (commandline -opc)" -a "(${IMAGES})"
${commands
  .flatMap(({ name, arguments: [first] }) =>
    first !== undefined && first.words.length > 0
      ? [`complete -c brun -n "__fish_seen_subcommand_from ${name}" -a "${first.words.join(" ")}"`]
      : [],
  )
  .join("\n")}
${commands.flatMap(({ name, flags }) => flags.map((flag) => line(`__fish_seen_subcommand_from ${name}`, flag))).join("\n")}
`;
}

function line(condition: string, { name, alias, description, value }: FlagReference): string {
  const short = alias === undefined ? "" : ` -s ${alias}`;
  const takes = {
    none: "",
    file: " -r -F",
    directory: ' -x -a "(__fish_complete_directories)"',
    image: ` -x -a "(${IMAGES})"`,
    other: " -x",
  };
  const values =
    value === null
      ? takes.none
      : value.kind === "word"
        ? ` -x -a "${value.words.join(" ")}"`
        : takes[value.kind];
  return `complete -c brun -n "${condition}" -l ${name}${short}${values} -d ${quoted(description)}`;
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
