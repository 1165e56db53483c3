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

Made by \`bun scripts/secrets-doc.ts\` from \`src/sandbox/secret-paths.ts\`. The lists are of ${SECRETS_DATE}, from the documentation of the
programs, and compared with firejail's. [sandbox.md](sandbox.md#secrets) says how it is hidden, and what is not.

Below the home directory: \`$HOME\`, the one in \`/etc/passwd\`, for root that of the user of sudo, doas or pkexec, and that of
\`--user\`. A star stands for anything.

${groups.join("\n")}
## In /tmp, and in ${TEMPORARY_DIRECTORIES.map((name) => `\`$${name}\``).join(" and ")}

${filled(SECRETS_IN_TMP)}

## Where a variable says that it is

What these name, with colons between several; a relative path is of the current directory, and \`~\` is the home:

${filled(NAMED_SECRETS)}

What is below a home otherwise is hidden below what these name:

${filled(OTHER_HOMES)}

and these stand for a directory of the home:

${filled(moved)}

And the file or directory that any variable names whose own name tells of a secret, such as \`VAULT_TOKEN_FILE\`, unless it holds the
home or the current directory.

## Variables

Those with TOKEN, SECRET, PASSWORD, PASSPHRASE, CREDENTIAL, COOKIE, JWT, API_KEY, WEBHOOK and the like in their name; that end in _KEY,
_PASS, _PWD, _AUTH, _DSN; that are known (SSHPASS, BW_SESSION, OP_SESSION_…, DOCKER_AUTH_CONFIG, SSH_AUTH_SOCK, and DIRENV_DIFF,
in which direnv keeps the values that it has set); and those whose value is one: a URL with a password in it, a JSON web token, a
private key, what GitHub, GitLab, npm, Slack, AWS, Stripe and others issue. That a value looks random is no reason: commits, checksums
and ids of sessions do.
`;
}

if (import.meta.main) writeFileSync(`${import.meta.dir}/../docs/secrets.md`, secretsDoc());
