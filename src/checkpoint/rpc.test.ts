import { expect, test } from "bun:test";
import { decodeResponse, encodeRequest, Request } from "./rpc.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bytes = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));

test("requests are what protobuf makes of rpc.proto", () => {
  expect(hex(encodeRequest({ type: Request.VERSION }))).toBe("080a");
  expect(hex(encodeRequest({ type: Request.NOTIFY, notifySuccess: true }))).toBe("08061801");
  expect(
    hex(
      encodeRequest({
        type: Request.DUMP,
        opts: {
          imagesDirFd: 5,
          pid: 300,
          logFile: "dump.log",
          leaveRunning: false,
          workDirFd: undefined,
          extMnt: [
            { key: "/a", val: "/a" },
            { key: "/b", val: "/c" },
          ],
          external: ["net[1]:x"],
        },
      }),
    ),
  ).toBe(
    "0801 1232 0805 10ac02 520864756d702e6c6f67 1800 ba01 08 0a022f61 12022f61 ba01 08 0a022f62 12022f63 aa02 08 6e65745b315d3a78".replaceAll(
      " ",
      "",
    ),
  );
});

test("responses", () => {
  expect(decodeResponse(bytes("080a 1001 5206 0803 1011 2001"))).toMatchObject({
    type: Request.VERSION,
    success: true,
    version: 31701,
  });
  // A git build after 3.17 counts as 3.18, since it has the features of that.
  expect(decodeResponse(bytes("080a 1001 5209 0803 1011 1a03 762b31")).version).toBe(31800);
  expect(decodeResponse(bytes("0806 1001 2a0c 0a08 706f73742d 64756d 1007"))).toMatchObject({
    notify: { script: "post-dum", pid: 7 },
  });
  expect(decodeResponse(bytes("0801 1000 3810 4a02 6e6f"))).toMatchObject({
    success: false,
    errno: 16,
    message: "no",
  });
  expect(decodeResponse(bytes("0809 1001 4202 0801")).features).toEqual({
    memTrack: true,
    lazyPages: false,
  });
});
