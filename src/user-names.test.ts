import { expect, test } from "bun:test";
import { namedUser, type UserFiles } from "./config/user-names.ts";

const FILES: UserFiles = {
  passwd:
    "root:x:0:0:root:/root:/bin/sh\nalice:x:500:500::/home/alice:/bin/sh\n7:x:900:901::/seven:\nbad:x:one:two::/:\n",
  group: "root:x:0:\nalice:x:500:\nstaff:x:50:bob,alice\nodd:x:many:alice\n",
  where: "/srv/root",
};

const found = (given: string, withGroups = true) => namedUser(given, FILES, withGroups);
const why = (given: string, files: UserFiles = FILES): unknown => {
  try {
    return namedUser(given, files, true);
  } catch (error) {
    const { message, where, hint } = error as { message: string; where: string; hint: string };
    return [message, where, hint];
  }
};

test("by name, with the groups that list the user when they are wanted", () => {
  expect(found("alice")).toEqual({
    user: { uid: 500, gid: 500, additionalGids: [500, 50] },
    name: "alice",
    home: "/home/alice",
  });
  expect(found("alice", false).user).toEqual({ uid: 500, gid: 500 });
  expect(found("root:staff").user).toEqual({ uid: 0, gid: 50 });
});

test("by id, which needs no entry", () => {
  expect(found("500").name).toBe("alice");
  expect(found("1234")).toEqual({ user: { uid: 1234, gid: 0 }, name: null, home: null });
  expect(found("1234:5").user).toEqual({ uid: 1234, gid: 5 });
  expect(namedUser("1:2", { passwd: null, group: null, where: "" }, true).user).toEqual({ uid: 1, gid: 2 });
});

test("a name of digits is an id", () => {
  expect(found("7").user.uid).toBe(7);
});

test("names that are not there, or whose lines have no ids", () => {
  const user = (name: string) => [
    `no user "${name}" in /srv/root/etc/passwd`,
    "--user",
    "a name from there, or a uid",
  ];
  for (const name of ["bob", "", "bad", "4294967295", "-1"]) expect(why(name)).toEqual(user(name));
  for (const group of ["wheel", "", "odd", "4294967295"]) {
    const message = `no group "${group}" in /srv/root/etc/group`;
    expect(why(`root:${group}`)).toEqual([message, "--user", "a name from there, or a gid"]);
  }
});

test("without the file the hint says so", () => {
  const [, , hint] = why("alice", { passwd: null, group: null, where: "" }) as string[];
  expect(hint).toStartWith("there is no such file");
});
