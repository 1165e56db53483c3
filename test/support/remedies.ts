/**
 * The remedies in brun's error lines, as command lines: what stands in backticks, and what begins with "brun" after a colon
 * or "see". Capital letters stand for what a person has to fill in.
 */

/** What is filled in, in this order. */
const FILLED: readonly (readonly [RegExp, string])[] = [
  [/--rootfs DIR\b/, "--rootfs r"],
  [/--bundle DIR (ID|[\w-]+)/, "--bundle b r$$"],
  [/--detach true$/, "--detach --rm true"],
  [/--upper DIR\b/, "--upper up"],
  [/-w DIR\b/, "-w /tmp"],
  [/-v DIR:/, "-v .:"],
  [/SOURCE:PATH/g, ".:/src"],
  [/--hide PATH\b/, "--hide notes"],
  [/--tmpfs PATH\b/, "--tmpfs /mnt"],
  [/\bFILE:/, "./notes:"],
  [/(NAME|KEY)=VALUE\b/, "A=1"],
  [/--name NAME\b/, "--name n$$"],
  [/\bNAME\b/, "A"],
  [/\bUID\b/, "0"],
  [/\bGID\b/, "0"],
  [/\bID\b/g, "web"],
  [/\bPROGRAM\b/, "true"],
  // A shell would wait for someone to type.
  [/ -it?(?= )/, " -i"],
];

/** Those that cannot be followed in a test. */
const NOT_FOLLOWED: readonly (readonly [RegExp, string])[] = [
  [/--image |image pull /, "it needs a registry"],
  [/--network pasta/, "pasta is not part of brun"],
  [/exec -t \w+ sh$/, "somebody would have to type, in a container that is not there yet"],
  [/resume/, "nothing is paused"],
  [/^brun attach/, "it waits for the container's end"],
  [/^brun run$/, "it stands for the line that was typed before"],
];

/** What ends a container needs one that may end. */
const ENDING = /^brun (kill|delete|stop|rm)\b/;
const VICTIM = "v$$";

/** The command lines in an error line's hint; flags alone are those of `run --host`. */
export function remediesIn(stderr: string): string[] {
  const found: string[] = [];
  for (const hint of stderr.matchAll(/; hint: (.*)$/gm)) {
    const text = hint[1]!;
    for (const [, line] of text.matchAll(/`([^`]+)`/g)) {
      found.push(line!.startsWith("-") ? `brun run --host ${line} true` : line!);
    }
    for (const part of text.split("; ")) {
      const line = /(?:^|: |\bsee )(brun (?:[^`])*)$/.exec(part)?.[1];
      if (line !== undefined) found.push(line);
    }
  }
  return found
    .filter((line) => !NOT_FOLLOWED.some(([pattern]) => pattern.test(line)))
    .map((line) => FILLED.reduce((text, [pattern, value]) => text.replace(pattern, () => value), line))
    .map((line) =>
      ENDING.test(line)
        ? `brun run -d --rootfs r --name ${VICTIM} sleep 100 >/dev/null; ${line.replace("web", () => VICTIM)}; code=$?; brun delete --force ${VICTIM}; exit $code`
        : line,
    );
}
