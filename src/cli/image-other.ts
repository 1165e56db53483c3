/** What podman and docker do with images by other words: hints for actions and flags that `brun image` does not have. */

const MADE = "podman and buildah make images; the actions commit and import make simple ones";
const PLATFORM = "--platform OS/ARCH[/VARIANT] chooses it: linux/arm64/v8";
const JSON_LIST = "`brun image list --format json` has whole digests, and all else";
const FILTER = "`brun image list --format json` goes with jq";
const CERTIFICATES = "certificates are read from ~/.config/containers/certs.d/HOST:PORT";
const RECOMPRESS =
  "only layers that the registry does not have are sent, by gzip if their own form is not there";
const AGAIN = "a request that fails is repeated by itself";
const SIGNATURES = "digests are checked, and no signatures";
const HISTORY = "such a text is not kept; --change 'LABEL note=\"…\"' can have it";

const NAMES = "`brun image list --names` prints the names alone";
const IGNORED = "`brun image remove NAME || true`";
const PAUSE = "the commands pause and resume do that";
const ALL_LISTED = "all are listed";
const ALL_REMOVED = "`brun image prune --all` removes all images that no container uses";

/** Hints for actions, by their name. */
export const OTHER_ACTIONS: Readonly<Record<string, string>> = {
  save: "an image in a file: `brun image push NAME oci-archive:FILE`",
  load: "an archive of an image: `brun image pull docker-archive:FILE`",
  build: MADE,
  tag: "an image has the name by which it was pulled; `brun image push NAME oci:DIR:TAG` writes it under another one",
  untag: "`brun image remove NAME` removes a name, and the files that no other name needs",
  search: "the registry's page on the web lists its images",
  history: "the action inspect tells its config and layers",
  tree: "the action inspect tells its layers",
  exists: "the action inspect fails if it does not",
  diff: "`brun image unpack NAME DIR` shows the files",
  mount: "`brun image unpack NAME DIR` shows the files",
};

/** Hints for flags, by their name. */
export const OTHER_IMAGE_FLAGS: Readonly<Record<string, string>> = {
  "all-tags": "each image is pulled by its tag",
  arch: PLATFORM,
  os: PLATFORM,
  variant: PLATFORM,
  "cert-dir": CERTIFICATES,
  retry: AGAIN,
  "retry-delay": AGAIN,
  "disable-content-trust": SIGNATURES,
  "remove-signatures": SIGNATURES,
  "sign-by": SIGNATURES,
  "sign-passphrase-file": SIGNATURES,
  "decryption-key": "encrypted layers are not supported",
  compress: RECOMPRESS,
  "compression-format": RECOMPRESS,
  "compression-level": RECOMPRESS,
  "force-compression": RECOMPRESS,
  "no-trunc": JSON_LIST,
  digests: JSON_LIST,
  filter: FILTER,
  sort: FILTER,
  noheading: NAMES,
  ignore: IGNORED,
  message: HISTORY,
  author: HISTORY,
  pause: PAUSE,
};

/** The same for each action, with the short forms of flags. */
export const OTHER_PULL_FLAGS = { ...OTHER_IMAGE_FLAGS, a: OTHER_IMAGE_FLAGS["all-tags"]! };
export const OTHER_LIST_FLAGS = { ...OTHER_IMAGE_FLAGS, a: ALL_LISTED, all: ALL_LISTED, n: NAMES, f: FILTER };
export const OTHER_REMOVE_FLAGS = { ...OTHER_IMAGE_FLAGS, a: ALL_REMOVED, all: ALL_REMOVED, i: IGNORED };
export const OTHER_PRUNE_FLAGS = {
  ...OTHER_IMAGE_FLAGS,
  filter: "what no image needs is removed, however old it is",
};
export const OTHER_MAKE_FLAGS = { ...OTHER_IMAGE_FLAGS, a: HISTORY, m: HISTORY, p: PAUSE };
