/** The comparison as pictures for the documents: bars of ratios, and curves of growth. Plain SVG, no script. */

/** Readable on light and on dark pages. */
const COLORS: Readonly<Record<string, string>> = {
  brun: "#d9480f",
  crun: "#868e96",
  runc: "#1c7ed6",
  bwrap: "#2f9e44",
};
const FONT = 'font-family="system-ui, sans-serif" font-size="12" fill="#868e96"';

export interface Bar {
  readonly name: string;
  /** Ratio to the reference, which is 1. */
  readonly value: number;
}

export interface BarGroup {
  readonly title: string;
  readonly bars: readonly Bar[];
}

export interface Curve {
  readonly name: string;
  /** [place on the axis, milliseconds] */
  readonly points: readonly (readonly [number, number])[];
}

const plain = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("`", "");

function svg(width: number, height: number, label: string, parts: readonly string[]): string {
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${plain(label)}">`;
  return `${[head, ...parts, "</svg>"].join("\n")}\n`;
}

const BAR = 16;
const PLOT = 400;
/** Widest that a character of {@link FONT} is on average, in pixels: titles must not be cut off. */
const CHARACTER = 7;

/** Bars in groups, with a line at 1: the reference. */
export function barChart(label: string, groups: readonly BarGroup[]): string {
  const longest = Math.max(1, ...groups.flatMap(({ bars }) => bars.map(({ value }) => value)));
  const left = 24 + CHARACTER * Math.max(...groups.map(({ title }) => plain(title).length));
  const x = (value: number): number => left + (value / longest) * PLOT;
  const parts: string[] = [];
  let y = 12;
  for (const { title, bars } of groups) {
    const middle = y + (bars.length * BAR) / 2 + 4;
    parts.push(
      `<text x="${left - 12}" y="${middle}" text-anchor="end" ${FONT}>${plain(title)}</text>`,
      ...bars.flatMap(({ name, value }, i) => {
        const top = y + i * BAR;
        const width = (x(value) - left).toFixed(1);
        return [
          `<rect x="${left}" y="${top}" width="${width}" height="${BAR - 3}" fill="${COLORS[name] ?? "#adb5bd"}"/>`,
          `<text x="${(x(value) + 6).toFixed(1)}" y="${top + 10}" ${FONT}>${name} ${value.toFixed(2)}</text>`,
        ];
      }),
    );
    y += bars.length * BAR + 12;
  }
  parts.push(`<line x1="${x(1)}" x2="${x(1)}" y1="4" y2="${y}" stroke="#868e96" stroke-dasharray="3 3"/>`);
  return svg(left + PLOT + 90, y + 8, label, parts);
}

/** Curves over a common axis, both axes logarithmic above zero. */
export function curveChart(label: string, axis: string, curves: readonly Curve[]): string {
  const [width, height, left, bottom] = [640, 320, 60, 280];
  const places = [...new Set(curves.flatMap(({ points }) => points.map(([at]) => at)))].sort((a, b) => a - b);
  const all = curves.flatMap(({ points }) => points.map(([, ms]) => ms));
  const [low, high] = [Math.min(...all) * 0.8, Math.max(...all) * 1.1];
  const x = (at: number): number => left + 20 + (places.indexOf(at) * 460) / Math.max(1, places.length - 1);
  const y = (ms: number): number => bottom - (Math.log(ms / low) / Math.log(high / low)) * (bottom - 20);
  const parts = [
    `<line x1="${left}" x2="${width - 90}" y1="${bottom}" y2="${bottom}" stroke="#868e96"/>`,
    `<line x1="${left}" x2="${left}" y1="20" y2="${bottom}" stroke="#868e96"/>`,
    `<text x="${(left + width - 90) / 2}" y="${height - 6}" text-anchor="middle" ${FONT}>${plain(axis)}</text>`,
    ...places.map((at) => `<text x="${x(at)}" y="${bottom + 16}" text-anchor="middle" ${FONT}>${at}</text>`),
  ];
  for (const ms of [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000].filter((n) => n > low && n < high)) {
    parts.push(`<text x="${left - 6}" y="${y(ms) + 4}" text-anchor="end" ${FONT}>${ms} ms</text>`);
  }
  for (const { name, points } of curves) {
    const color = COLORS[name] ?? "#adb5bd";
    const path = points.map(([at, ms]) => `${x(at).toFixed(1)},${y(ms).toFixed(1)}`).join(" ");
    const [at, ms] = points.at(-1)!;
    parts.push(
      `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>`,
      ...points.map(
        (p) => `<circle cx="${x(p[0]).toFixed(1)}" cy="${y(p[1]).toFixed(1)}" r="3" fill="${color}"/>`,
      ),
      `<text x="${x(at) + 8}" y="${(y(ms) + 4).toFixed(1)}" ${FONT}>${name}</text>`,
    );
  }
  return svg(width, height, label, parts);
}
