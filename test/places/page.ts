/** docs/places.md, from the places: `bun test/places/page.ts` writes it. */
import { writeFileSync } from "node:fs";
import { PLACES } from "./places.ts";

const HEAD = `# Where brun runs

Each place is made by \`test/places\`, and a bundle, \`run --rootfs\`, \`run --host\`, \`exec\`, \`delete\` and \`doctor\` are tried
there. This page is written by \`bun test/places/page.ts\`. Where "the caller's id alone" is mapped, brun says so once, and
\`--userns=range\` makes it an error; where the outer /proc has to do, it says so once, too, and \`--proc=mount\` makes that
an error.

Podman and docker with brun as their runtime are tried by \`npm run test:clients\`; systemd's sessions and services, cgroup
limits and AppArmor in a virtual machine by \`npm run test:vm\`. [limits.md](limits.md) has what brun itself needs.

| place | known from | works |
| --- | --- | --- |
`;

/** The page's text. */
export function placesPage(): string {
  return HEAD + PLACES.map(({ name, where, works }) => `| ${name} | ${where} | ${works} |\n`).join("");
}

if (import.meta.main) writeFileSync(`${import.meta.dir}/../../docs/places.md`, placesPage());
