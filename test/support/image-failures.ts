/** The failures of images in docs/errors.md by title. test/errors.test.ts causes each of them. */
import { imageOf, type TestImageOptions } from "../../src/image/testing/image.ts";
import { ownedDir } from "./caller.ts";
import { CERTIFICATE } from "./certificate.ts";
import { type Faults, TestRegistry } from "./registry.ts";
import type { Outcome, Sandbox } from "./sandbox.ts";

type Make = (box: Sandbox) => Promise<Outcome>;

/**
 * Pulls an image from a registry that has one small image, "app:1". `name` makes the image's name from the
 * registry's host.
 */
const pull =
  (
    name: (host: string) => string,
    { faults = {}, image, tls }: { faults?: Faults; image?: TestImageOptions; tls?: typeof CERTIFICATE } = {},
    words: readonly string[] = ["image", "pull", "-q"],
    rest: readonly string[] = [],
  ): Make =>
  async (box) => {
    using registry = new TestRegistry(faults, tls === undefined ? {} : { tls });
    registry.push("app", "1", imageOf([[{ path: "file", data: "x".repeat(100) }]], image));
    const env = { XDG_DATA_HOME: ownedDir(box.subject.caller, `${box.dir}/data`) };
    return await box.call([...words, name(registry.host), ...rest], { env });
  };

const app = (host: string) => `${host}/app:1`;

export const IMAGE_FAILURES: Readonly<Record<string, Make>> = {
  "A registry is not found": pull(() => "nosuch.invalid/app:1"),
  "A registry cannot be reached": pull(() => "127.0.0.1:1/app:1"),
  "A registry's certificate is not accepted": pull(app, { tls: CERTIFICATE }),
  "A registry wants a login": pull(app, { faults: { basic: "me:secret" } }),
  "A registry allows no more requests": pull(app, { faults: { limited: true } }),
  "A registry does not have the repository": pull((host) => `${host}/nosuch:1`),
  "A registry does not have the tag": pull((host) => `${host}/app:2`),
  "An image is for another platform": pull(app, {
    image: { platform: { os: "linux", architecture: "riscv64" } },
  }),
  "An image is damaged": pull(app, { faults: { corrupt: true } }),
  "Layers of an image cannot be unpacked": pull(app, {
    image: { layerType: "application/vnd.oci.image.layer.v1.tar+gzip+encrypted" },
  }),
  "An image does not have the program": pull(app, {}, ["run", "-q", "--image"], ["--", "nosuch"]),
  "There are no files of an image": pull(() => "oci:/nowhere"),
};
