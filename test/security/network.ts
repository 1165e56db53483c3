/** What the tests of networks by name share: flags, and what attackers/net.c prints. */

export const allow = (...names: readonly string[]) => names.map((name) => `--allow-net=${name}`);

/** Lines "ATTACK RESULT MS". */
export function results(text: string): Map<string, { result: string; ms: number }> {
  const lines = [...text.matchAll(/^(\S+\|\S+) (\S+) (\d+)$/gm)];
  return new Map(lines.map(([, attack, result, ms]) => [attack!, { result: result!, ms: Number(ms) }]));
}
