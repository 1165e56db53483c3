/** Shows the progress of a pull or a push: a bar for each layer on a terminal, lines elsewhere. */

import { shortDigest } from "../image/digest.ts";
import type { ImageEvent } from "../image/progress.ts";
import { sizeText } from "../image/size.ts";
import { printable } from "../printable.ts";
import { IOCTL } from "../sys/constants.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { clientProgress } from "./api-client.ts";
import { isTerminal, printErrorRaw } from "./output.ts";

const SHOWN = 12;
/** The shortest time between two updates, in milliseconds. */
const REDRAW = 100;
const BAR = 24;
const BAR_LEAST = 8;
/** "downloading". */
const STATE = 11;
/** Brackets, and two spaces before and behind them. */
const BETWEEN = 6;

type Layer = Extract<ImageEvent, { type: "layer" }>;

/** Where progress goes: to the program that uses the TypeScript API, or to stderr. */
export interface Progress {
  readonly event: ((event: ImageEvent) => void) | undefined;
  /** It is done. */
  end(): void;
}

/**
 * @param client --client
 * @param quiet nothing is shown
 */
export function progressFor(client: string | undefined, quiet: boolean): Progress {
  if (client !== undefined) {
    const { tell, end } = clientProgress(client);
    return { event: thinned(tell), end };
  }
  return quiet ? { event: undefined, end: () => {} } : new ImageProgress();
}

/** Not every piece of a layer is worth a message. */
function thinned(tell: (event: ImageEvent) => void): (event: ImageEvent) => void {
  const last = new Map<string, { readonly state: string; readonly time: number }>();
  return (event) => {
    if (event.type === "layer") {
      const before = last.get(event.digest);
      const time = performance.now();
      if (before?.state === event.state && (event.state === "done" || time - before.time < REDRAW)) return;
      last.set(event.digest, { state: event.state, time });
    }
    tell(event);
  };
}

/** Shows a pull or a push on stderr. */
class ImageProgress implements Progress {
  private readonly layers = new Map<string, Layer>();
  private readonly terminal = isTerminal(2);
  private readonly begun = performance.now();
  private drawn = 0;
  /** Bytes that were there before. */
  private before = 0;
  private last = Number.NEGATIVE_INFINITY;

  readonly event = (event: ImageEvent): void => {
    if (event.type === "image") {
      const { doing, name, layers, size } = event;
      const what = `${layers} layer${layers === 1 ? "" : "s"}, ${sizeText(size)}`;
      printErrorRaw(`${printable(`${doing} ${name} (${what})`, true)}\n`);
      return;
    }
    const before = this.layers.get(event.digest);
    this.layers.set(event.digest, event);
    if (event.state === "downloading" && (before === undefined || before.state === "waiting"))
      this.before += event.bytes;
    // Layers that are already there are not shown.
    if (before === undefined && event.state === "done") this.layers.delete(event.digest);
    else if (this.terminal) this.draw(before?.state !== event.state);
    else if (event.state === "done" && before !== undefined && before.state !== "done") {
      printErrorRaw(`layer ${shortDigest(event.digest)}: done (${sizeText(event.size)})\n`);
    }
  };

  /** The last picture stays. */
  end(): void {
    if (this.terminal && this.layers.size > 0) this.draw(true);
  }

  private draw(now: boolean): void {
    const time = performance.now();
    if (!now && time - this.last < REDRAW) return;
    this.last = time;
    const layers = [...this.layers.values()];
    // Layers that make progress come first.
    const shown =
      layers.length <= SHOWN ? layers : layers.filter(({ state }) => state !== "done").slice(0, SHOWN);
    // The last column makes some terminals wrap.
    const width = columns() - 1;
    const lines = [...shown.map((layer) => this.line(layer, width)), this.summary(layers)].map((line) =>
      line.slice(0, width),
    );
    const up = this.drawn > 0 ? `\x1b[${this.drawn}A` : "";
    printErrorRaw(`${up}\r\x1b[J${lines.map((line) => `${line}\n`).join("")}`);
    this.drawn = lines.length;
  }

  /** Bar and bytes where there is room, else how many of a hundred. */
  private line({ digest, size, state, bytes }: Layer, width: number): string {
    const share = size === 0 ? 1 : Math.min(bytes / size, 1);
    const head = `${shortDigest(digest)}  ${state.padEnd(STATE)}`;
    // Packing counts uncompressed bytes, and the total is not known.
    if (state === "packing") return `${head}  ${sizeText(bytes)}`;
    const text = state === "done" ? sizeText(size) : `${sizeText(bytes)} of ${sizeText(size)}`;
    const room = Math.min(BAR, width - head.length - text.length - BETWEEN);
    if (room < BAR_LEAST)
      return state === "done" ? `${head}  ${text}` : `${head}  ${Math.floor(share * 100)} %`;
    const full = Math.round(share * room);
    return `${head}  [${"#".repeat(full)}${"-".repeat(room - full)}]  ${text}`;
  }

  private summary(layers: readonly Layer[]): string {
    return summaryOf(layers, this.before, (performance.now() - this.begun) / 1000);
  }
}

/**
 * How much there is of all layers, how fast it comes, and how long that will take.
 * @param before bytes that were there when it began: a download that goes on
 */
export function summaryOf(
  layers: readonly Pick<Layer, "size" | "state" | "bytes">[],
  before: number,
  seconds: number,
): string {
  const size = layers.reduce((sum, layer) => sum + layer.size, 0);
  const have = layers.reduce((sum, layer) => sum + transferred(layer), 0);
  const all = `${sizeText(have)} of ${sizeText(size)}`;
  const rate = (have - before) / seconds;
  if (!(rate > 0) || !Number.isFinite(rate)) return all;
  const left = have < size ? `, ${Math.ceil((size - have) / rate)} s left` : "";
  return `${all}, ${sizeText(Math.round(rate))}/s${left}`;
}

/** Bytes of a layer that have come or gone. */
function transferred({ state, bytes, size }: Pick<Layer, "size" | "state" | "bytes">): number {
  if (state === "downloading" || state === "uploading") return bytes;
  return state === "waiting" || state === "packing" ? 0 : size;
}

function columns(): number {
  const size = new Uint16Array(4);
  return syscall(NR.ioctl, 2, IOCTL.TIOCGWINSZ, size) === 0 && size[1]! > 0 ? size[1]! : 80;
}
