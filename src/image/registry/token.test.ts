import { describe, expect, test } from "bun:test";
import { checkRealm, isLinkLocal, parseChallenges } from "./token.ts";

describe("a WWW-Authenticate header", () => {
  test.each([
    [
      'Bearer realm="https://a/t",service="s, x",scope="repository:a:pull,push"',
      [
        {
          scheme: "bearer",
          parameters: { realm: "https://a/t", service: "s, x", scope: "repository:a:pull,push" },
        },
      ],
    ],
    ['BASIC realm="a \\"b\\""', [{ scheme: "basic", parameters: { realm: 'a "b"' } }]],
    [
      "Negotiate, Basic realm=x, Bearer realm = y",
      [
        { scheme: "negotiate", parameters: {} },
        { scheme: "basic", parameters: { realm: "x" } },
        { scheme: "bearer", parameters: { realm: "y" } },
      ],
    ],
    ["", []],
    ['="x" "y', []],
  ])("%s", (header, challenges) => {
    expect(parseChallenges(header)).toEqual(challenges);
  });
});

describe("where logins are sent", () => {
  test.each([
    ["https://auth.docker.io/token", "registry-1.docker.io"],
    ["https://ghcr.io/token", "ghcr.io"],
    ["https://ghcr.io/token", "lscr.io"],
    ["https://gitlab.com/jwt/auth", "registry.gitlab.com"],
    ["https://auth.example.co.uk/t", "registry.example.co.uk:5000"],
    ["https://127.0.0.1:5001/t", "127.0.0.1:5000"],
  ])("%s is right for %s", (realm, registry) => {
    expect(checkRealm(realm, registry, false).href).toBe(realm);
  });

  test.each([
    ["https://evil.example/token", "registry.example.com"],
    ["https://other.co.uk/t", "registry.example.co.uk"],
    ["https://evil.github.io/t", "good.github.io"],
    ["http://ghcr.io/token", "ghcr.io"],
    ["https://169.254.169.254/latest", "169.254.169.254"],
    ["https://[fe80::1]/t", "[fe80::1]"],
    ["https://metadata.google.internal/t", "registry.google.internal"],
    ["https://user:pw@ghcr.io/token", "ghcr.io"],
    ["file:///etc/passwd", "ghcr.io"],
    ["/token", "ghcr.io"],
  ])("%s is wrong for %s", (realm, registry) => {
    expect(() => checkRealm(realm, registry, false)).toThrow("sends logins to");
  });

  test("without TLS only where the registry is spoken to without", () => {
    expect(checkRealm("http://localhost:5001/t", "localhost:5000", true).host).toBe("localhost:5001");
  });

  test("addresses of the machine's own services", () => {
    for (const host of ["169.254.169.254", "[fe80::1]", "[fd00:ec2::254]", "metadata.google.internal"])
      expect(isLinkLocal(host)).toBe(true);
    for (const host of ["10.0.0.1", "127.0.0.1", "[::1]", "example.com"])
      expect(isLinkLocal(host)).toBe(false);
  });
});
