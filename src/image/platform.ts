/** Platforms of images (image-spec, image-index.md; containerd's platforms package): "linux/arm64/v8". */
import { BrunError } from "../errors.ts";
import { quoted } from "../printable.ts";
import type { Descriptor } from "./manifest.ts";

/** The machine for which an image is made. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
}

/** GOARCH and variant for other names of architectures. */
const ALIASES: Readonly<Record<string, readonly [architecture: string, variant?: string]>> = {
  x86_64: ["amd64"],
  "x86-64": ["amd64"],
  x64: ["amd64"],
  aarch64: ["arm64"],
  armhf: ["arm", "v7"],
  armel: ["arm", "v6"],
  i386: ["386"],
  i686: ["386"],
};

/** The platform of this machine. */
export function ownPlatform(): Platform {
  return { os: "linux", architecture: process.arch === "arm64" ? "arm64" : "amd64" };
}

/**
 * Parses `--platform`: [OS/]ARCH[/VARIANT].
 * @throws BrunError (ERR_USAGE)
 */
export function parsePlatform(text: string): Platform {
  const parts = text.toLowerCase().split("/");
  const [os, arch, variant] = parts.length === 1 ? ["linux", parts[0]] : parts;
  if (parts.length > 3 || os !== "linux" || !arch || !/^[\w.-]+$/.test(arch)) {
    throw new BrunError(`${quoted(text)} is no platform that brun runs`, {
      code: "ERR_USAGE",
      where: "--platform",
      hint: "such as linux/amd64 or linux/arm64",
    });
  }
  return normalised({ os, architecture: arch, variant });
}

function normalised({ os, architecture, variant }: Platform): Platform {
  const [arch, implied] = ALIASES[architecture] ?? [architecture];
  const given = variant || implied;
  // v8 is the default of arm64, and v1 that of amd64 (containerd, normalizeArch).
  const kept =
    (arch === "arm64" && (given === "v8" || given === "8")) || (arch === "amd64" && given === "v1")
      ? undefined
      : given;
  return { os, architecture: arch, ...(kept && { variant: /^\d/.test(kept) ? `v${kept}` : kept }) };
}

/** A platform as text: "linux/arm64/v8". */
export function platformText({ os, architecture, variant }: Platform): string {
  return [os, architecture, variant].filter(Boolean).join("/");
}

/**
 * The variants that run on a machine, the best first: an armv7 also runs v6 and v5. An arm without a variant
 * counts as v7.
 */
function variants({ architecture, variant }: Platform): readonly (string | undefined)[] {
  const level = Number(/^v(\d+)$/.exec(variant ?? (architecture === "arm" ? "v7" : "v1"))?.[1] ?? Number.NaN);
  if (Number.isNaN(level)) return [variant];
  const down = Array.from({ length: level }, (_, i) => `v${level - i}`);
  return architecture === "arm" || architecture === "amd64" ? [...down, undefined] : [variant, undefined];
}

/** Whether an image for one platform runs on another. */
export function runsOn(image: Platform, machine: Platform): boolean {
  const of = normalised(image);
  return of.os === machine.os && of.architecture === machine.architecture && rank(image, machine) >= 0;
}

/** How well an image's platform suits a machine: 0 is best, and -1 means that the image does not run. */
export function rank(image: Platform, machine: Platform): number {
  return variants(machine).indexOf(normalised(image).variant);
}

/** Whether an entry of an index is no image: attestations of BuildKit. */
function isAttestation({ annotations, platform }: Descriptor): boolean {
  return annotations?.["vnd.docker.reference.type"] !== undefined || platform?.architecture === "unknown";
}

/**
 * Chooses the manifest for a platform from an index.
 * @throws BrunError (ERR_PLATFORM) if there is none; the hint lists the index's platforms
 */
export function choosePlatform(
  manifests: readonly Descriptor[],
  wanted: Platform,
  image: string,
): Descriptor {
  const images = manifests.filter((one) => !isAttestation(one));
  // An entry without a platform fits every machine, as the last choice.
  const fitting = images
    .filter(({ platform }) => platform === undefined || runsOn(platform, wanted))
    .map((one) => ({
      one,
      at: one.platform === undefined ? Number.MAX_SAFE_INTEGER : rank(one.platform, wanted),
    }))
    .sort((a, b) => a.at - b.at);
  const [best] = fitting;
  if (best !== undefined) return best.one;
  const there = [
    ...new Set(images.map(({ platform }) => (platform ? platformText(normalised(platform)) : ""))),
  ];
  throw new BrunError(`${image} is not for ${platformText(wanted)}`, {
    code: "ERR_PLATFORM",
    hint:
      there.length === 0 ? "its index lists no image" : `there are: ${there.sort().slice(0, 12).join(", ")}`,
  });
}
