/** docs/places.md, from the places: `bun test/places/page.ts` writes it. */
import { writeFileSync } from "node:fs";
import { ENGINE_PLACES } from "./engines.ts";
import { type Expected, PLACES } from "./places.ts";

const HEAD = `# Where brun runs

In each place a bundle as \`brun spec\` makes it, \`run --rootfs\`, \`run --host\`, \`exec\`, \`delete\`, a terminal and \`doctor\` are
tried (\`test/places/inside.sh\`). This page is written by \`bun test/places/page.ts\`. Where nothing works, crun, runc and bubblewrap are
tried too, and run nothing either; brun and \`brun doctor\` say what the page says.

Where "the caller's id alone" is mapped, brun says so once, and \`--userns=range\` makes it an error. Where the outer /proc and pid
namespace have to do, it says so once, too, and \`--proc=mount\` makes that an error.
Systemd's sessions and services, cgroup limits and AppArmor are tried in a virtual machine by \`npm run test:vm\`.
[limits.md](limits.md) has what brun itself needs.

## Users and machines

\`npm test\` makes these.

| place | known from | works |
| --- | --- | --- |
`;

const ENGINES = `
## In containers and CI jobs

\`npm run test:clients\` starts these with podman (rootless and as root), docker, systemd-nspawn and runc, and tries brun as root and as
an ordinary user inside. Kubernetes and CI services are docker with the flags that [their examples](../examples/ci/README.md) amount to.

| place | known from | works |
| --- | --- | --- |
`;

/** The page's text. */
export function placesPage(): string {
  return HEAD + PLACES.map(row).join("") + ENGINES + ENGINE_PLACES.map(row).join("");
}

function row({ name, where, works }: Expected): string {
  return `| ${name} | ${where} | ${works} |\n`;
}

if (import.meta.main) writeFileSync(`${import.meta.dir}/../../docs/places.md`, placesPage());
