/**
 * Extracts the command lines from hints in brun's errors: text in backticks, and text that begins with "brun"
 * after a colon or "see". Words in capital letters stand for values of the user, and are filled in.
 */

import { commands } from "../../src/cli/main.ts";
import { HOLE, sourceFiles, textsOf } from "./strings.ts";

/** Values for placeholders, applied in this order. A hole in a text of the sources is usually an id. */
const FILLED: readonly (readonly [RegExp, string])[] = [
  [new RegExp(HOLE, "g"), "web"],
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
  [/--preserve-fds 1\b/, "--preserve-fds 0"],
  [/--device PATH\b/, "--device /dev/null"],
  [/--pid-file FILE\b/, "--pid-file pid$$"],
  [/-v \.:\/etc\//, "-v ./notes:/etc/"],
  // A shell would wait for input.
  [/ -it?(?= )/, " -i"],
];

/** Commands that a test cannot run, with the reason. */
const NOT_FOLLOWED: readonly (readonly [RegExp, string])[] = [
  [/--image |image pull /, "it needs a registry"],
  [/--network pasta/, "pasta is not part of brun"],
  [/exec -t \w+ sh$/, "somebody would have to type, in a container that is not there yet"],
  [/resume/, "nothing is paused"],
  [/^brun attach/, "it waits for the container's end"],
  [/image (remove|push|commit|pull|unpack)\b|login/, "it needs an image or a registry; test/image has both"],
  [/^(sg|numactl|kill -l)\b/, "it is a program of others"],
  [/--oom-score-adj -/, "only root has the right"],
  [/image prune --all|--stop-signal RTMIN/, "it acts on more than the test has"],
  [/(diff|apply|discard|sandbox) /, "nothing is kept by that name"],
  [/^brun (--debug )?run$/, "it stands for the line that was typed before"],
  [/--cpus/, "a user may not have a cgroup"],
];

/** Commands that end a container get a container that may end. */
const ENDING = /^brun (kill|delete|stop|rm)\b/;
const VICTIM = "v$$";

/** Words that make the container. `delete` without --force needs one that has ended. */
function victim(line: string): string {
  const begin = `brun run -d --rootfs r --name ${VICTIM}`;
  return /^brun delete (?!--force)/.test(line)
    ? `${begin} true >/dev/null; brun wait ${VICTIM} >/dev/null`
    : `${begin} sleep 100 >/dev/null`;
}

/** Whether a line is a command: "brun list" is one, "brun has no pods" is not. */
function isCommand(line: string): boolean {
  const word = line.split(" ")[1] ?? "";
  return /^--?\w/.test(word) || (word !== "version" && Object.hasOwn(commands, word));
}

/** The texts in the sources that contain such command lines. Most are hints. */
export async function hintTexts(root: string): Promise<string[]> {
  const texts = new Set<string>();
  for (const file of sourceFiles(root)) {
    for (const text of textsOf(await Bun.file(file).text())) {
      if (!text.includes("\n") && remediesIn(`; hint: ${text}`).length > 0) texts.add(text);
    }
  }
  return [...texts];
}

/** The command lines in an error's hint. Flags alone belong to `run --host`. */
export function remediesIn(stderr: string): string[] {
  const found: string[] = [];
  for (const hint of stderr.matchAll(/; hint: (.*)$/gm)) {
    const text = hint[1]!;
    for (const [, line] of text.matchAll(/`([^`]+)`/g)) {
      if (line!.startsWith("-")) found.push(`brun run --host ${line} true`);
      else if (/[ /]/.test(line!)) found.push(line!);
    }
    for (const part of text.split("; ")) {
      const line = /(?:^|: |\bsee )(brun (?:[^`])*)$/.exec(part)?.[1];
      if (line !== undefined && isCommand(line)) found.push(line);
    }
  }
  return found
    .filter((line) => !NOT_FOLLOWED.some(([pattern]) => pattern.test(line)))
    .map((line) => FILLED.reduce((text, [pattern, value]) => text.replace(pattern, () => value), line))
    .map((line) =>
      ENDING.test(line)
        ? `${victim(line)}; ${line.replace("web", () => VICTIM)}; code=$?; brun delete --force ${VICTIM}; exit $code`
        : line,
    );
}
