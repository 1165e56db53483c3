/** Versions of the OCI runtime-spec that brun takes. */

/** The oldest config.json version. */
export const OCI_VERSION_MIN = "1.0.0";
/** The newest config.json version. */
export const OCI_VERSION_MAX = "1.3.0";
