/** Completion for zsh, by its _arguments. */
import type { ArgumentReference, FlagReference, Reference, Value } from "./commands.ts";

/** The script: a file _brun in a directory of fpath, or to be sourced after compinit. */
export function zshCompletion({ globals, commands }: Reference): string {
  return `#compdef brun
# zsh completion for brun, made by "brun completion zsh"

_brun_containers() {
  local -a ids root
  [[ -n $opt_root ]] && root=(--root $opt_root)
  ids=(\${(f)"$(_call_program containers brun $root list --quiet 2>/dev/null)"})
  _describe container ids
}

_brun_images() {
  local -a names
  names=(\${(f)"$(_call_program images brun image list --names-for=\${(q)PREFIX} 2>/dev/null)"})
  _wanted images expl image compadd -a names
}

_brun() {
  local curcontext=$curcontext state line ret=1 opt_root
  local -a commands
  local -A opt_args
  commands=(
${commands.map(({ name, description }) => `    ${quoted(`${name}:${description}`)}`).join("\n")}
  )
  _arguments -C -S \\
${globals
  .flatMap((flag) => specs(flag))
  .map((spec) => `    ${spec} \\`)
  .join("\n")}
    '1: :->command' '*:: :->arguments' && ret=0
  opt_root=\${opt_args[--root]}
  case $state in
    command) _describe command commands && ret=0 ;;
    arguments)
      curcontext=\${curcontext%:*:*}:brun-$words[1]:
      # What follows "--" is a program with its own words.
      local -i dashes=\${words[(i)--]}
      if [[ $words[1] == (run|explain|unshare) ]] && ((dashes < CURRENT)); then
        shift $dashes words
        ((CURRENT -= dashes))
        _normal && ret=0
        return ret
      fi
      case $words[1] in
${commands.map(({ name, flags, arguments: all }) => commandCase(name, flags, all)).join("\n")}
      esac ;;
  esac
  return ret
}

if [[ $funcstack[1] == _brun ]]; then _brun "$@"; else compdef _brun brun; fi
`;
}

function commandCase(
  name: string,
  flags: readonly FlagReference[],
  all: readonly ArgumentReference[],
): string {
  const lines = [
    ...flags.flatMap((flag) => specs(flag)),
    ...all.map((argument, i) => positional(argument, i + 1)),
  ];
  return `        ${name})
          _arguments -S \\
${lines.map((line) => `            ${line}`).join(" \\\n")} && ret=0 ;;`;
}

/** One spec for each name of a flag. */
function specs({ name, alias, description, value }: FlagReference): string[] {
  const text = `[${description.replace(/[[\]:]/g, "\\$&")}]`;
  const action = value === null ? "" : `:${value.hint.replace(/[[\]:]/g, "\\$&")}:${actionOf(value)}`;
  const long = quoted(`--${name}${value === null ? "" : "="}${text}${action}`);
  return alias === undefined ? [long] : [long, quoted(`-${alias}${text}${action}`)];
}

function positional(
  { name, required, rest, existing, image, words }: ArgumentReference,
  index: number,
): string {
  const known = existing ? "_brun_containers" : image ? "_brun_images" : null;
  if (rest) return quoted(known === null ? "*::command:_normal" : `*:${name}:${known}`);
  const action = known ?? (words.length > 0 ? `(${words.join(" ")})` : " ");
  return quoted(`${index}:${required ? "" : ":"}${name}:${action}`);
}

function actionOf({ kind, words }: Value): string {
  if (kind === "file") return "_files";
  if (kind === "directory") return "_path_files -/";
  if (kind === "image") return "_brun_images";
  return kind === "word" ? `(${words.join(" ")})` : " ";
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
