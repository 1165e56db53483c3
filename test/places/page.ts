/** docs/places.md, from the places: `bun test/places/page.ts` writes it. */
import { writeFileSync } from "node:fs";
import { ENGINE_PLACES } from "./engines.ts";
import { type Expected, PLACES } from "./places.ts";

const HEAD = `# Where brun runs

This page says in which places brun works: users, machines, containers and CI jobs. In each place a test tries a bundle of
\`brun spec\`, \`run --rootfs\`, \`run --host\`, \`exec\`, \`delete\`, a terminal and \`doctor\` (\`test/places/inside.sh\`). If nothing works in
a place, the test also tries crun, runc and bubblewrap, which fail there, too, and checks that brun and \`brun doctor\` give the
reason in the table.

- "With the caller's id alone": the container has one id, and brun says so once. \`--userns=range\` makes this an error.
- "With the outer /proc and pid namespace": the container sees the outer processes, and brun says so once. \`--proc=mount\` makes
  this an error.

\`npm run test:vm\` tests systemd sessions and services, cgroup limits and AppArmor in a virtual machine. [limits.md](limits.md) lists
what brun itself needs. \`bun test/places/page.ts\` writes this page.

## Users and machines

\`npm test\` tests these places.

| place | known from | works |
| --- | --- | --- |
`;

const ENGINES = `
## In containers and CI jobs

\`npm run test:clients\` starts these containers with podman (rootless and as root), docker, systemd-nspawn and runc, and tries brun inside
as root and as an ordinary user. It imitates Kubernetes and CI services by docker with the flags of [their
examples](../examples/ci/README.md).

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
