/** Writes docs/secrets.md from the lists of src/sandbox/secret-paths.ts. */
import { writeFileSync } from "node:fs";
import {
  MOVED_DIRECTORIES,
  NAMED_SECRETS,
  OTHER_HOMES,
  SECRET_GROUPS,
  SECRETS_DATE,
  SECRETS_IN_TMP,
  TEMPORARY_DIRECTORIES,
} from "../src/sandbox/secret-paths.ts";

const WIDTH = 96;

/** Names as code, filled into lines. */
function filled(names: readonly string[]): string {
  const lines = [""];
  for (const name of names) {
    const word = `\`${name}\``;
    if (lines.at(-1)!.length + word.length > WIDTH) lines.push("");
    lines[lines.length - 1] += `${lines.at(-1) === "" ? "" : " "}${word}`;
  }
  return lines.join("\n");
}

/** The page. */
export function secretsDoc(): string {
  const groups = SECRET_GROUPS.map(({ what, paths }) => `## ${what}\n\n${filled(paths.split(/,\s+/))}\n`);
  const moved = Object.entries(MOVED_DIRECTORIES).map(([variable, path]) => `${variable}=${path}`);
  return `# What \`run --host\` hides

This page lists the files and variables that \`brun run --host\` hides. [sandbox.md](sandbox.md#secrets) explains how it
hides them, and the limits of this protection. The lists are of ${SECRETS_DATE}, from the documentation of the programs, and
compared with those of firejail. \`bun scripts/secrets-doc.ts\` writes this page from \`src/sandbox/secret-paths.ts\`.

The first sections list paths below a home directory: \`$HOME\`, the home in \`/etc/passwd\`, the home of the user of
\`--user\`, and for root that of the user of sudo, doas or pkexec. A star stands for any characters.

${groups.join("\n")}
## In /tmp, and in ${TEMPORARY_DIRECTORIES.map((name) => `\`$${name}\``).join(" and ")}

${filled(SECRETS_IN_TMP)}

## Where a variable says that it is

brun hides the paths in these variables. Colons separate several paths, a relative path starts at the current directory,
and \`~\` is the home:

${filled(NAMED_SECRETS)}

These variables name another home, below which the paths of the first sections are hidden, too:

${filled(OTHER_HOMES)}

These variables name another place for a directory of the home:

${filled(moved)}

brun also hides the file or directory in any variable whose name suggests a secret, such as \`VAULT_TOKEN_FILE\`, unless it
contains the home or the current directory.

## Variables

brun hides a variable

- if its name contains TOKEN, SECRET, PASSWORD, PASSPHRASE, CREDENTIAL, COOKIE, JWT, API_KEY, WEBHOOK or the like, or ends in
  _KEY, _PASS, _PWD, _AUTH or _DSN;
- if it is known to hold secrets: SSHPASS, BW_SESSION, OP_SESSION_…, DOCKER_AUTH_CONFIG, SSH_AUTH_SOCK, and DIRENV_DIFF, in
  which direnv keeps the values that it has set;
- if its value is a secret: a URL with a password, a JSON web token, a private key, or a token of GitHub, GitLab, npm, Slack,
  AWS, Stripe and others.

A value that only looks random is not hidden, since commits, checksums and session ids look random, too.
`;
}

if (import.meta.main) writeFileSync(`${import.meta.dir}/../docs/secrets.md`, secretsDoc());
