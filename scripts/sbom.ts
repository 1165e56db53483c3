/**
 * What dist/brun is made of, as a CycloneDX 1.5 bill of materials: the packages that package-lock.json pins, and Bun,
 * whose runtime is in the file. The same input gives the same bytes: there is no serial number and no time. CycloneDX's own
 * tool for npm does not serve: it lists what npm would install, and what the bundler takes is a few of the development
 * dependencies, and Bun.
 */

/** What is used of package-lock.json (lockfileVersion 3). */
export interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

interface LockedPackage {
  readonly version: string;
  readonly license?: string;
  /** "sha512-" and base64. */
  readonly integrity?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Bun's runtime, and the packages that sources of the built file import; most are development dependencies for npm. */
export const BUILT_IN = ["bun", "consola", "diff", "pbf", "valibot"] as const;

/** The package that `name` means when it is imported from the package at `from` in node_modules. */
function resolve(lock: Lock, name: string, from: string): string {
  for (let base = from; ; base = base.replace(/(^|\/)node_modules\/(@[^/]+\/)?[^/]+$/, "")) {
    const path = `${base === "" ? "" : `${base}/`}node_modules/${name}`;
    if (lock.packages[path] !== undefined) return path;
    if (base === "") throw new Error(`package-lock.json has no ${name}`);
  }
}

/** Paths in node_modules of these packages and all that they depend on, sorted. Throws an Error for one that is not locked. */
export function bundled(lock: Lock, names: readonly string[] = BUILT_IN): string[] {
  const found = new Set<string>();
  const visit = (name: string, from: string): void => {
    const path = resolve(lock, name, from);
    if (found.has(path)) return;
    found.add(path);
    for (const dependency of Object.keys(lock.packages[path]!.dependencies ?? {})) visit(dependency, path);
  };
  for (const name of names) visit(name, "");
  return [...found].sort();
}

function purl(name: string, version: string): string {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

function licenses(license: string | undefined): object[] {
  if (license === undefined) return [];
  return [/ (AND|OR|WITH) /.test(license) ? { expression: license } : { license: { id: license } }];
}

/** The bill of materials as JSON text. */
export function sbom(lock: Lock): string {
  const own = lock.packages[""]!;
  const nameOf = (path: string) => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
  const reference = (path: string) => purl(nameOf(path), lock.packages[path]!.version);
  const paths = bundled(lock);
  const component = (path: string) => {
    const { version, license, integrity } = lock.packages[path]!;
    const [algorithm, base64] = integrity?.split("-") ?? [];
    const content = base64 === undefined ? "" : Buffer.from(base64, "base64").toString("hex");
    return {
      type: nameOf(path) === "bun" ? "platform" : "library",
      "bom-ref": reference(path),
      name: nameOf(path),
      version,
      purl: reference(path),
      licenses: licenses(license),
      ...(algorithm === "sha512" ? { hashes: [{ alg: "SHA-512", content }] } : {}),
    };
  };
  const root = { ref: `brun@${own.version}`, dependsOn: [] as string[] };
  root.dependsOn = BUILT_IN.map((name) => reference(resolve(lock, name, ""))).sort();
  const edges = paths.map((path) => ({
    ref: reference(path),
    dependsOn: Object.keys(lock.packages[path]!.dependencies ?? {})
      .map((name) => reference(resolve(lock, name, path)))
      .sort(),
  }));
  const bom = {
    $schema: "http://cyclonedx.org/schema/bom-1.5.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      component: {
        type: "application",
        "bom-ref": root.ref,
        name: "brun",
        version: own.version,
        licenses: licenses(own.license),
      },
    },
    components: paths.map(component),
    dependencies: [root, ...edges],
  };
  return `${JSON.stringify(bom, null, 2)}\n`;
}
