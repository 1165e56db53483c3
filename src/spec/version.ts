/** Versions of the OCI runtime-spec that brun knows (runtime-spec, config.md#specification-version). */

/** The oldest config.json version. */
export const OCI_VERSION_MIN = "1.0.0";
/** The newest config.json version. */
export const OCI_VERSION_MAX = "1.3.0";
/** The minor version of the newest one. */
export const LATEST_MINOR = 3;

/** The minor version of "1.MINOR.PATCH", with any suffix ("1.0.2-dev"); null for another form. */
export function minorVersion(version: string): number | null {
  const [major, minor, patch] = version.split(".");
  if (major !== "1" || !minor || !patch || !isDigit(patch[0])) return null;
  for (let i = 0; i < minor.length; i++) if (!isDigit(minor[i])) return null;
  return Number(minor);
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= "0" && character <= "9";
}
