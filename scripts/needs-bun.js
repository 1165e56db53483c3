// What `import "brun"` is in anything else than Bun.
throw new Error("brun needs Bun (https://bun.com): run this program with `bun`, not with node");
