/**
 * Completion for bash; it needs nothing of the bash-completion package, whose _command_offset completes the words of a
 * program where it is there.
 */
import { ROOT_FLAGS } from "../hot-flags.ts";
import type { FlagReference, Reference, Value } from "./commands.ts";

/** The script. */
export function bashCompletion({ globals, commands }: Reference): string {
  const images = commands.flatMap(({ name, arguments: all }) => {
    const at = all.findIndex(({ image }) => image);
    return at < 0 ? [] : [{ name, at, rest: all[at]!.rest }];
  });
  const positions = commands.filter(({ arguments: [first] }) => first?.existing).map(({ name }) => name);
  return `# bash completion for brun, made by "brun completion bash"

# What "command flag" takes: nothing (the exit code is 1), or a value of which this says what it is.
_brun_value() {
  case "$1 $2" in
${[{ name: "", flags: globals }, ...commands].flatMap(({ name, flags }) => valueCases(name, flags)).join("\n")}
    *) return 1 ;;
  esac
}

_brun_flags() {
  case "$1" in
    "") echo "${flagWords(globals)}" ;;
${commands.map(({ name, flags }) => `    ${name}) echo "${flagWords(flags)}" ;;`).join("\n")}
  esac
}

# The words of the program that begins at this one: as the program's own completion has it, else commands and files.
_brun_program() {
  if declare -F _command_offset >/dev/null; then
    _command_offset "$1"
  elif [[ $1 -eq $COMP_CWORD && $current != */* ]]; then
    mapfile -t COMPREPLY < <(compgen -c -- "$current")
  else
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}

_brun_images() {
  mapfile -t COMPREPLY < <(compgen -W "$("\${COMP_WORDS[0]}" image list --names-for="$1" 2>/dev/null)" -- "$1")
}

_brun() {
  local command= flag= root= program= bundle=1 position=0 i word kind glue= current
  local -a words=() starts=()
  COMPREPLY=()
  # bash cuts words at ":" and "@", which names of images have.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $i -gt 0 && ( -n $glue || $word =~ ^[:@]+$ ) ]]; then
      words[-1]+=$word
    else
      words+=("$word")
      starts+=("$i")
    fi
    glue=
    [[ $word =~ ^[:@]+$ ]] && glue=1
  done
  current=\${words[-1]}
  # It cuts "--flag=value" into three.
  [[ $current == = ]] && current=
  for ((i = 1; i < \${#words[@]} - 1; i++)); do
    word=\${words[i]}
    if [[ $word == = ]]; then
      # "A=1" after --env is one value.
      [[ -z $flag ]] && ((i++))
      continue
    fi
    if [[ -n $flag ]]; then
      [[ -z $command && $flag == --root ]] && root=$word
      flag=
    elif [[ $word == -- ]]; then
      # exec takes one more "--" after the id.
      [[ $command == exec && $position -eq 0 ]] && continue
      program=\${starts[i + 1]}
      break
    elif [[ $word == -* ]]; then
      [[ $word =~ ^--?(${ROOT_FLAGS.join("|")})$ ]] && bundle=
      _brun_value "$command" "$word" >/dev/null && flag=$word
    elif [[ -z $command ]]; then
      command=$word
    elif [[ $command == exec && $position -eq 1 || $command == run && -z $bundle ]]; then
      program=\${starts[i]}
      break
    else
      ((position++))
    fi
  done
  if [[ -z $program && -z $flag && $current != -* ]]; then
    [[ $command == exec && $position -eq 1 || $command == run && -z $bundle ]] && program=\${starts[-1]}
  fi
  if [[ -n $flag ]]; then
    kind=$(_brun_value "$command" "$flag")
    case $kind in
      file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
      directory) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
      image) _brun_images "$current" ;;
      *) mapfile -t COMPREPLY < <(compgen -W "\${kind#words}" -- "$current") ;;
    esac
  elif [[ -n $program ]]; then
    _brun_program "$program"
  elif [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_brun_flags "$command")" -- "$current")
  elif [[ -z $command ]]; then
    mapfile -t COMPREPLY < <(compgen -W "${commands.map(({ name }) => name).join(" ")}" -- "$current")
  elif [[ $position -eq 0 ]]; then
    case $command in
      ${positions.join(" | ")})
        mapfile -t COMPREPLY < <(compgen -W "$("\${COMP_WORDS[0]}" \${root:+--root "$root"} list --quiet 2>/dev/null)" -- "$current") ;;
${commands.flatMap(({ name, arguments: [first] }) => wordsCase(name, first)).join("\n")}
${images
  .filter(({ at }) => at === 0)
  .map(imageCase)
  .join("\n")}
    esac
  else
    case $command in
${images
  .filter(({ at, rest }) => at > 0 || rest)
  .map(imageCase)
  .join("\n")}
    esac
  fi
  # What stands before the last cut is on the line already.
  word=\${current%"\${current##*[:@]}"}
  [[ -n $word && $COMP_WORDBREAKS == *"\${word: -1}"* ]] && COMPREPLY=("\${COMPREPLY[@]#"$word"}")
  return 0
}
complete -F _brun brun
`;
}

function imageCase({ name }: { readonly name: string }): string {
  return `      ${name}) _brun_images "$current" ;;`;
}

function wordsCase(
  name: string,
  argument: Reference["commands"][number]["arguments"][0] | undefined,
): string[] {
  if (argument === undefined || argument.words.length === 0) return [];
  return [
    `      ${name}) mapfile -t COMPREPLY < <(compgen -W "${argument.words.join(" ")}" -- "$current") ;;`,
  ];
}

function valueCases(command: string, flags: readonly FlagReference[]): string[] {
  return flags.flatMap(({ name, alias, value }) => {
    if (value === null) return [];
    const patterns = [name, ...(alias === undefined ? [] : [alias])].flatMap((n) => [
      `"${command} --${n}"`,
      `"${command} -${n}"`,
    ]);
    return [`    ${patterns.join(" | ")}) echo "${kindOf(value)}" ;;`];
  });
}

function kindOf({ kind, words }: Value): string {
  return kind === "word" || kind === "other" ? `words ${words.join(" ")}`.trim() : kind;
}

function flagWords(flags: readonly FlagReference[]): string {
  return flags
    .flatMap(({ name, alias }) => [`--${name}`, ...(alias === undefined ? [] : [`-${alias}`])])
    .join(" ");
}
