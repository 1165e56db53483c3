import { describe, expect, test } from "bun:test";
import { isNameOfImage, nameText, parseName } from "./image-name.ts";

const HEX = "a".repeat(64);

describe("names of images", () => {
  test.each([
    ["debian", "docker.io/library/debian:latest"],
    ["debian:12", "docker.io/library/debian:12"],
    ["docker://debian:12", "docker.io/library/debian:12"],
    ["index.docker.io/library/debian", "docker.io/library/debian:latest"],
    ["owner/name", "docker.io/owner/name:latest"],
    ["ghcr.io/owner/name:v1.2", "ghcr.io/owner/name:v1.2"],
    ["localhost/name", "localhost/name:latest"],
    ["localhost:5000/a/b/c", "localhost:5000/a/b/c:latest"],
    ["[::1]:5000/a", "[::1]:5000/a:latest"],
    ["127.0.0.1:5000/a__b.c---d", "127.0.0.1:5000/a__b.c---d:latest"],
    [`debian@sha256:${HEX}`, `docker.io/library/debian@sha256:${HEX}`],
    [`debian:12@sha256:${HEX}`, `docker.io/library/debian:12@sha256:${HEX}`],
    ["Host/name", "Host/name:latest"],
    ["oci:dir", "oci:dir"],
    ["oci:/a/b:tag", "oci:/a/b:tag"],
    ["oci-archive:/a/b.tar:v1", "oci-archive:/a/b.tar:v1"],
    ["docker-archive:x.tar:docker.io/library/debian:12", "docker-archive:x.tar:docker.io/library/debian:12"],
    ["dir:/a:b", "dir:/a:b"],
  ])("%s is %s", (text, whole) => {
    expect(nameText(parseName(text))).toBe(whole);
  });

  test.each([
    ["", "it is empty"],
    ["Debian", "it has capital letters; hint: names are in small letters: debian"],
    ["ghcr.io/Owner/name", "hint: names are in small letters: ghcr.io/owner/name"],
    ["a//b", "it has a character or form that names do not have"],
    ["x\u001b[2J", "it has a character or form that names do not have"],
    ["-a", "it has a character or form that names do not have"],
    ["a:", "the tag is none"],
    [`a:${"t".repeat(129)}`, "the tag is none"],
    ["a@sha256:12", "the digest is none"],
    [`a@md5:${HEX}`, "the digest is none"],
    [HEX, "it looks like the id of an image"],
    ["h.st_:1/a", "is no host of a registry"],
    [`a/${"b".repeat(255)}`, "it is longer than 255 characters"],
    ["oci:", "there is no path in it"],
    ["a\u001b[31m", "\\u001b"],
  ])("%j is none", (text, why) => {
    expect(() => parseName(text)).toThrow(expect.objectContaining({ text: expect.stringContaining(why) }));
  });

  test("a word in the place of an id", () => {
    for (const word of ["debian:12", "a/b", `a@sha256:${HEX}`, "oci:dir"])
      expect(isNameOfImage(word)).toBe(true);
    for (const word of ["debian", "./a", "/a/b", "../a", "a/", "A/b:", "x y/z"])
      expect(isNameOfImage(word)).toBe(false);
  });
});
