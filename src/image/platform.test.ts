import { expect, test } from "bun:test";
import type { Descriptor } from "./manifest.ts";
import { choosePlatform, parsePlatform, platformText, runsOn } from "./platform.ts";

const of = (text: string, annotations?: Record<string, string>): Descriptor => ({
  mediaType: "",
  digest: `sha256:${text}`,
  size: 1,
  platform: (([os, architecture, variant]) => ({ os: os!, architecture: architecture!, variant }))(
    text.split("/"),
  ),
  ...(annotations && { annotations }),
});

test.each([
  ["arm64", "linux/arm64"],
  ["linux/arm64/v8", "linux/arm64"],
  ["aarch64", "linux/arm64"],
  ["linux/x86_64", "linux/amd64"],
  ["linux/arm/7", "linux/arm/v7"],
  ["armhf", "linux/arm/v7"],
])("%s is %s", (text, platform) => {
  expect(platformText(parsePlatform(text))).toBe(platform);
});

test.each(["", "windows/amd64", "linux/", "a/b/c/d", "linux/am d"])("%j is none", (text) => {
  expect(() => parsePlatform(text)).toThrow("is no platform that brun runs");
});

test("the best variant is chosen; attestations are none", () => {
  const index = [
    of("unknown/unknown", { "vnd.docker.reference.type": "attestation-manifest" }),
    of("linux/arm/v5"),
    of("linux/arm/v6"),
    of("linux/arm64/v8"),
    of("linux/amd64"),
  ];
  const choose = (text: string) => choosePlatform(index, parsePlatform(text), "x").digest;
  expect(choose("linux/arm/v7")).toBe("sha256:linux/arm/v6");
  expect(choose("arm64")).toBe("sha256:linux/arm64/v8");
  expect(choose("amd64")).toBe("sha256:linux/amd64");
  expect(() => choose("s390x")).toThrow(
    expect.objectContaining({
      text: "x is not for linux/s390x; hint: there are: linux/amd64, linux/arm/v5, linux/arm/v6, linux/arm64",
    }),
  );
});

test("an armv7 runs what is for v6, and not the other way round", () => {
  expect(runsOn(parsePlatform("linux/arm/v6"), parsePlatform("linux/arm/v7"))).toBe(true);
  expect(runsOn(parsePlatform("linux/arm/v7"), parsePlatform("linux/arm/v6"))).toBe(false);
  expect(runsOn(parsePlatform("linux/amd64"), parsePlatform("linux/arm64"))).toBe(false);
});
