import { expect, test } from "bun:test";
import { zstdCompressSync } from "node:zlib";
import { layerType } from "./formats.ts";
import { MEDIA } from "./manifest.ts";

test.each([
  ["an archive", Buffer.from("etc/\0\0\0"), MEDIA.layer],
  ["nothing", Buffer.alloc(0), MEDIA.layer],
  ["gzip", Bun.gzipSync("x"), MEDIA.layerGzip],
  ["zstd", zstdCompressSync("x"), MEDIA.layerZstd],
  ["zstd, after a frame that is skipped", Buffer.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0]), MEDIA.layerZstd],
])("the media type of %s", (_, head, type) => {
  expect(layerType(head)).toBe(type);
});
