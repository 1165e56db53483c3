import { expect, test } from "bun:test";
import type { Caller } from "../../rootless/caller.ts";
import { parseSubids } from "../../rootless/subid.ts";
import { Subject } from "./finding.ts";
import { judgeRanges } from "./ids.ts";

const caller: Caller = { uid: 1000, gid: 1000, userName: "dev", privileged: false };

function judge(text: string, passwd = "", kind: "uid" | "gid" = "uid") {
  const ranges = parseSubids(text, `/etc/sub${kind}`, caller.uid, caller.userName);
  return judgeRanges(new Subject(`sub${kind}`, "why", caller), kind, caller, ranges, text, passwd);
}

test("a range of 65536 ids is enough", () => {
  expect(judge("dev:100000:65536\nzoe:165536:65536\n")).toEqual({
    id: "subuid",
    state: "ok",
    what: "dev has 100000-165535 (/etc/subuid:1)",
    why: "why",
    fix: null,
    user: null,
  });
  expect(judge("dev:100000:32768\n1000:132768:32768\n").state).toBe("ok");
});

test("no range, and one that is too small: root adds one behind all others", () => {
  expect(judge("zoe:100000:65536\n")).toMatchObject({
    state: "warn",
    what: "dev has no range in /etc/subuid",
    fix: "usermod --add-subuids 165536-231071 dev",
    user: "root",
  });
  expect(judge("dev:100000:1000\n", "", "gid")).toMatchObject({
    what: "dev has 1000 ids, and images count on 65536",
    fix: "usermod --add-subgids 101000-166535 dev",
  });
});

test("a line that newuidmap does not take", () => {
  expect(judge("zoe:1:2\r\ndev:100000:65536\r\n")).toMatchObject({
    state: "warn",
    what: "/etc/subuid:2 is not as newuidmap reads it: NAME:FIRST:COUNT, without blanks",
    fix: "sed -i '2s/[[:space:]]//g' /etc/subuid",
    user: "root",
  });
});

test("ids that someone else has too", () => {
  expect(judge("dev:100000:65536\nzoe:165535:10\n").what).toBe(
    "/etc/subuid:1 overlaps the range of zoe: each can reach the other's files",
  );
  expect(judge("dev:100000:65536\n", "root:x:0:0::/:\nldap:x:100500:100500::/:\n").what).toBe(
    "/etc/subuid:1 has the uid of ldap, 100500",
  );
});
