import { describe, expect, test } from "bun:test";
import { defaultMaps, isMapped, MAX_MAPS, mapText, parseMap, toHost } from "./idmap.ts";

const range = (start: number, size: number, origin = "/etc/subuid:1") => ({ start, size, origin });

describe("defaultMaps", () => {
  test("maps 0 to the caller and 1 and up to its ranges in order", () => {
    const result = defaultMaps(
      1000,
      1001,
      [range(100000, 65536), range(300000, 10, "/etc/subuid:4")],
      [range(200000, 5, "/etc/subgid:2")],
    );
    expect(mapText(result.maps.uid)).toBe("0 1000 1\n1 100000 65536\n65537 300000 10\n");
    expect(mapText(result.maps.gid)).toBe("0 1001 1\n1 200000 5\n");
    expect(result.origins).toEqual({
      uid: ["caller", "/etc/subuid:1", "/etc/subuid:4"],
      gid: ["caller", "/etc/subgid:2"],
    });
  });

  test("maps the caller alone without ranges", () => {
    expect(defaultMaps(1000, 1001, [], []).maps).toEqual({
      uid: [{ containerId: 0, hostId: 1000, size: 1 }],
      gid: [{ containerId: 0, hostId: 1001, size: 1 }],
    });
  });

  test("never maps a host id twice: the caller's own, and overlapping ranges", () => {
    const { maps } = defaultMaps(1000, 0, [range(999, 10), range(1005, 10), range(1005, 3)], []);
    expect(mapText(maps.uid)).toBe("0 1000 1\n1 999 1\n2 1001 14\n");
  });

  test("a range that continues the one before is the same line", () => {
    const result = defaultMaps(
      9,
      0,
      [10, 20, 30, 50].map((start, i) => range(start, 10, `/etc/subuid:${i + 1}`)),
      [],
    );
    expect(mapText(result.maps.uid)).toBe("0 9 1\n1 10 30\n31 50 10\n");
    expect(result.origins.uid).toEqual(["caller", "/etc/subuid:1 to /etc/subuid:3", "/etc/subuid:4"]);
  });

  test("stops at the kernel's number of lines and at the last id", () => {
    const short = Array.from({ length: 500 }, (_, i) => range(10 + 2 * i, 1));
    expect(defaultMaps(1, 1, short, []).maps.uid).toHaveLength(MAX_MAPS);
    const long = Array.from({ length: 500 }, (_, i) => range(1_000_000_000 + 100_000 * i, 65536));
    const text = mapText(defaultMaps(1, 1, long, []).maps.uid);
    expect(text.length).toBeLessThan(4096);
    expect(text.length).toBeGreaterThan(4096 - 33);
    const huge = [range(10, 4_000_000_000), range(4_000_000_100, 294_000_000)];
    const last = defaultMaps(1, 1, [...huge, range(4_294_000_200, 900_000)], []).maps.uid.at(-1)!;
    expect(last.containerId + last.size - 1).toBeLessThanOrEqual(0xfffffffe);
  });
});

test("parseMap reads what the kernel prints", () => {
  const text = "         0       1007          1\n         1     427680      65536\n";
  expect(parseMap(text)).toEqual([
    { containerId: 0, hostId: 1007, size: 1 },
    { containerId: 1, hostId: 427680, size: 65536 },
  ]);
  expect(parseMap("")).toEqual([]);
});

test("toHost and isMapped look at every line", () => {
  const map = [
    { containerId: 0, hostId: 1000, size: 1 },
    { containerId: 10, hostId: 5000, size: 10 },
  ];
  expect([0, 1, 9, 10, 19, 20].map((id) => toHost(map, id))).toEqual([1000, null, null, 5000, 5009, null]);
  expect(isMapped(map, 19)).toBe(true);
  expect(isMapped(map, 20)).toBe(false);
});
