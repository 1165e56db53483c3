import { describe, expect, test } from "bun:test";
import { withIdmapOption } from "./idmap-option.ts";

const maps = {
  uid: [
    { containerId: 0, hostId: 1000, size: 1 },
    { containerId: 1, hostId: 100000, size: 10 },
  ],
  gid: [{ containerId: 0, hostId: 50, size: 100 }],
};
const mount = (...options: string[]) => ({ destination: "/x", type: "bind", source: "/", options });

describe("idmap with mappings", () => {
  test("become the mount's own", () => {
    expect(withIdmapOption(mount("bind", "idmap=uids=0-5-1#10-20-30;gids=1-2-3"), 0, null)).toEqual({
      ...mount("bind", "idmap"),
      uidMappings: [
        { containerID: 0, hostID: 5, size: 1 },
        { containerID: 10, hostID: 20, size: 30 },
      ],
      gidMappings: [{ containerID: 1, hostID: 2, size: 3 }],
    });
  });

  test("may be relative to the container's, and recursive", () => {
    expect(withIdmapOption(mount("rbind", "ridmap=uids=@7-3-2;gids=@0-99-1"), 0, maps)).toMatchObject({
      options: ["rbind", "ridmap"],
      uidMappings: [{ containerID: 7, hostID: 100002, size: 2 }],
      gidMappings: [{ containerID: 0, hostID: 149, size: 1 }],
    });
  });

  test("come after those that the mount has", () => {
    const own = [{ containerID: 1, hostID: 2, size: 3 }];
    const given = { ...mount("bind", "idmap=uids=0-5-1;gids=0-5-1"), uidMappings: own, gidMappings: own };
    expect(withIdmapOption(given, 0, null)).toEqual({ ...given, options: ["bind", "idmap"] });
  });

  test.each([
    "idmap=x",
    "idmap=",
    "idmap=uids=0-5-1",
    "idmap=uids=0-5;gids=0-5-1",
    "idmap=uids=0-5-1#;gids=0-5-1",
    "idmap=uids=@0-500000-1;gids=0-5-1",
    "idmap=uids=-1-5-1;gids=0-5-1",
  ])("%s is refused", (option) => {
    expect(() => withIdmapOption(mount("bind", option), 3, maps)).toThrow(/expected mappings/);
  });
});
