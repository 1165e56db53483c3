/**
 * CRIU's RPC messages (criu, images/rpc.proto): encodes requests and decodes responses. pbf reads and writes the
 * wire format, but its code generator for .proto files is of no use here. It leaves out 0 and false, which in
 * CRIU's proto2 differ from an absent field: `manage_cgroups_mode` 0 is "ignore", and descriptor 0 may be the
 * images. It also treats file names as text, and they are bytes.
 */
import { PbfReader, PbfWriter } from "pbf";
import { fromUtf8, utf8 } from "../sys/utf8.ts";

/** criu_req_type. */
export const Request = {
  DUMP: 1,
  RESTORE: 2,
  PRE_DUMP: 4,
  NOTIFY: 6,
  FEATURE_CHECK: 9,
  VERSION: 10,
} as const;

/** criu_cg_mode by the names of --manage-cgroups-mode; "" is CRIU's default. */
export const CGROUP_MODES: Readonly<Record<string, number>> = {
  "": 6,
  soft: 3,
  full: 4,
  strict: 5,
  ignore: 0,
};

/** A message with a key and a value. */
export interface Pair {
  readonly key: string;
  readonly val: string;
}

/** The members of criu_opts that brun sets. */
export interface CriuOptions {
  readonly imagesDirFd: number;
  readonly pid?: number | undefined;
  readonly leaveRunning?: boolean | undefined;
  readonly extUnixSk?: boolean | undefined;
  readonly tcpEstablished?: boolean | undefined;
  readonly evasiveDevices?: boolean | undefined;
  readonly shellJob?: boolean | undefined;
  readonly fileLocks?: boolean | undefined;
  readonly logLevel?: number | undefined;
  readonly logFile?: string | undefined;
  readonly ps?: { readonly address: string; readonly port: number } | undefined;
  readonly notifyScripts?: boolean | undefined;
  readonly root?: string | undefined;
  readonly parentImg?: string | undefined;
  readonly trackMem?: boolean | undefined;
  readonly autoDedup?: boolean | undefined;
  readonly workDirFd?: number | undefined;
  readonly linkRemap?: boolean | undefined;
  readonly extMnt?: readonly Pair[] | undefined;
  readonly manageCgroups?: boolean | undefined;
  readonly cgRoot?: readonly { readonly ctrl: string; readonly path: string }[] | undefined;
  readonly rstSibling?: boolean | undefined;
  readonly inheritFd?: readonly { readonly key: string; readonly fd: number }[] | undefined;
  readonly manageCgroupsMode?: number | undefined;
  readonly external?: readonly string[] | undefined;
  readonly emptyNs?: number | undefined;
  readonly joinNs?: readonly { readonly ns: string; readonly nsFile: string }[] | undefined;
  readonly freezeCgroup?: string | undefined;
  readonly tcpSkipInFlight?: boolean | undefined;
  readonly lazyPages?: boolean | undefined;
  readonly orphanPtsMaster?: boolean | undefined;
  readonly configFile?: string | undefined;
  readonly lsmProfile?: string | undefined;
  readonly lsmMountContext?: string | undefined;
  readonly unprivileged?: boolean | undefined;
}

/** criu_features. */
export interface Features {
  readonly memTrack?: boolean;
  readonly lazyPages?: boolean;
}

/** criu_req. */
export interface CriuRequest {
  readonly type: number;
  readonly opts?: CriuOptions;
  readonly notifySuccess?: boolean;
  readonly features?: Features;
}

/** The fields of a message: the number on the wire, and the schema of an embedded message. */
type Schema = Readonly<Record<string, readonly [tag: number, message?: Schema]>>;

const PAIR: Schema = { key: [1], val: [2] };
const OPTIONS: Schema = {
  imagesDirFd: [1],
  pid: [2],
  leaveRunning: [3],
  extUnixSk: [4],
  tcpEstablished: [5],
  evasiveDevices: [6],
  shellJob: [7],
  fileLocks: [8],
  logLevel: [9],
  logFile: [10],
  ps: [11, { address: [1], port: [2] }],
  notifyScripts: [12],
  root: [13],
  parentImg: [14],
  trackMem: [15],
  autoDedup: [16],
  workDirFd: [17],
  linkRemap: [18],
  extMnt: [23, PAIR],
  manageCgroups: [24],
  cgRoot: [25, { ctrl: [1], path: [2] }],
  rstSibling: [26],
  inheritFd: [27, { key: [1], fd: [2] }],
  manageCgroupsMode: [34],
  external: [37],
  emptyNs: [38],
  joinNs: [39, { ns: [1], nsFile: [2] }],
  freezeCgroup: [44],
  tcpSkipInFlight: [46],
  lazyPages: [48],
  orphanPtsMaster: [50],
  configFile: [51],
  lsmProfile: [53],
  lsmMountContext: [63],
  unprivileged: [67],
};
const FEATURES: Schema = { memTrack: [1], lazyPages: [2] };
const REQUEST: Schema = { type: [1], opts: [2, OPTIONS], notifySuccess: [3], features: [5, FEATURES] };

/** Encodes a request. */
export function encodeRequest(request: CriuRequest): Uint8Array {
  const writer = new PbfWriter();
  writeFields(request, REQUEST, writer);
  return writer.finish();
}

function writeFields(message: object, schema: Schema, writer: PbfWriter): void {
  for (const [name, value] of Object.entries(message)) {
    const [tag, inner] = schema[name]!;
    for (const item of Array.isArray(value) ? value : [value]) {
      if (typeof item === "string") writer.writeBytesField(tag, utf8(item));
      else if (typeof item === "number") writer.writeVarintField(tag, item);
      else if (typeof item === "boolean") writer.writeBooleanField(tag, item);
      else if (item !== undefined)
        writer.writeMessage(tag, (fields: object, to: PbfWriter) => writeFields(fields, inner!, to), item);
    }
  }
}

/** criu_resp. */
export interface CriuResponse {
  readonly type: number;
  readonly success: boolean;
  /** The stage that CRIU reports, and the process that it is about. */
  readonly notify: { readonly script: string; readonly pid: number };
  readonly errno: number;
  readonly message: string;
  readonly features: Features;
  /** The version in CRIU's own numbering: 3.17.1 is 31701. */
  readonly version: number;
}

/** Decodes a response. Throws an Error for invalid bytes. */
export function decodeResponse(bytes: Uint8Array): CriuResponse {
  const fields = readFields(new PbfReader(bytes));
  const number = (from: Fields, tag: number) => Number(from.get(tag) ?? 0);
  const message = (tag: number) => {
    const inner = fields.get(tag);
    return inner instanceof Uint8Array ? readFields(new PbfReader(inner)) : new Map();
  };
  const text = (from: Fields, tag: number) => {
    const bytes = from.get(tag);
    return bytes instanceof Uint8Array ? fromUtf8(bytes) : "";
  };
  const [notify, features, version] = [message(5), message(8), message(10)];
  // A build from git counts as the next version.
  const fromGit = version.has(3);
  const [minor, sublevel] = [number(version, 2) + (fromGit ? 1 : 0), fromGit ? 0 : number(version, 4)];
  return {
    type: number(fields, 1),
    success: number(fields, 2) === 1,
    notify: { script: text(notify, 1), pid: number(notify, 2) },
    errno: number(fields, 7),
    message: text(fields, 9),
    features: { memTrack: number(features, 1) === 1, lazyPages: number(features, 2) === 1 },
    version: number(version, 1) * 10000 + minor * 100 + sublevel,
  };
}

type Fields = Map<number, number | Uint8Array>;

const LENGTH_DELIMITED = 2;

function readFields(reader: PbfReader): Fields {
  return reader.readFields((tag, fields: Fields, from) => {
    fields.set(tag, from.type === LENGTH_DELIMITED ? from.readBytes() : from.readVarint());
  }, new Map());
}
