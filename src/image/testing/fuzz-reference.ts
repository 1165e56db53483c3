/** Fuzzes the parser of image names: makes random names, and checks the results. */
import { BrunError } from "../../errors.ts";
import { isNameOfImage, nameText, parseName } from "../image-name.ts";
import type { Random } from "./random.ts";

const HOSTS = [
  "ghcr.io/",
  "localhost/",
  "localhost:5000/",
  "127.0.0.1:80/",
  "[::1]/",
  "docker.io/",
  "index.docker.io/",
  "A/",
  "",
  "",
];
const WORDS = [
  "debian",
  "library",
  "a_b",
  "a__b",
  "a--b",
  "a.b",
  "0",
  "oci",
  "dir",
  "latest",
  "x".repeat(120),
  "0".repeat(64),
];
const BAD = [
  "A",
  "-",
  "_",
  "..",
  ".",
  "",
  "\u00e9",
  "\udc80",
  "\0",
  "\n",
  "\u001b[31m",
  " ",
  "[fe80::1%eth0]",
  "@",
  ":",
  "/",
  "a".repeat(4000),
];
const TAGS = ["latest", "12", "1.2-x_Y", "_", "a".repeat(128), "a".repeat(129), "5000"];
const DIGESTS = [
  `sha256:${"0".repeat(64)}`,
  `sha512:${"f".repeat(128)}`,
  `sha256:${"F".repeat(64)}`,
  "sha256:0",
  "md5:0",
];
const BEGINNINGS = ["docker://", "oci:", "oci-archive:", "docker-archive:", "dir:", "docker:", "oci:/a/b:"];

/** A random name, which may be invalid. */
function aName(random: Random): string {
  let text = random.one(8) ? random.pick(BEGINNINGS) : "";
  text += random.pick(HOSTS) + random.pick(WORDS);
  for (let n = random.below(3); n > 0; n--) text += `/${random.pick(WORDS)}`;
  if (random.one(2)) text += `:${random.pick(TAGS)}`;
  if (random.one(4)) text += `@${random.pick(DIGESTS)}`;
  for (let n = random.one(2) ? 0 : random.below(3); n > 0; n--) {
    const at = random.below(text.length + 1);
    const put = random.one(2) ? random.pick(BAD) : String.fromCharCode(random.below(128));
    text = text.slice(0, at) + put + text.slice(at + random.below(3));
  }
  return random.one(2000) ? text.repeat(random.below(1000)) : text;
}

/** Parses a random name, and returns its full name or the error. Throws an Error if the result is wrong. */
export function tryReference(random: Random): string {
  const text = aName(random);
  const wrong = (what: string) => new Error(`the reader of names: ${what}: ${JSON.stringify(text)}`);
  let said: string;
  try {
    const name = parseName(text);
    said = nameText(name);
    // The full name has to be a name of the same image.
    const again = parseName(said);
    if (nameText(again) !== said) throw wrong(`${said} is ${nameText(again)} the second time`);
    if (name.transport === "registry") {
      if (/[^\x21-\x7e]/.test(said)) throw wrong(`${JSON.stringify(said)} is not plain`);
      if (name.tag === undefined && name.digest === undefined) throw wrong("neither tag nor digest");
      if (/(?:^|\/)\.\.?(?:\/|$)/.test(name.path)) throw wrong("a path leads elsewhere");
    }
  } catch (error) {
    if (!(error instanceof BrunError) || error.code !== "ERR_USAGE") throw error;
    if (/[\n\u001b\0]/.test(error.message)) throw wrong("a message that is not plain");
    said = error.message;
  }
  isNameOfImage(text);
  return said;
}
