/** DNS messages (RFC 1035). Received messages are not trusted: each is either understood, or null. Pure. */
import { joined, utf8 } from "../sys/utf8.ts";
import type { Address } from "./address.ts";

/** The port of DNS servers. */
export const DNS_PORT = 53;

/** Record types. */
export const TYPE = { A: 1, CNAME: 5, AAAA: 28, ANY: 255 } as const;

/** Response codes. */
export const RCODE = { ok: 0, formErr: 1, servFail: 2, nxDomain: 3, notImp: 4 } as const;

const CLASS_IN = 1;
const HEADER = 12;
const RESPONSE = 0x8000;
const TRUNCATED = 0x0200;
const RECURSION_DESIRED = 0x0100;
const RECURSION_AVAILABLE = 0x0080;

/** A question. */
export interface Question {
  readonly id: number;
  /** In lower case, without a last dot. Bytes that cannot be in the name of a host are written as `\ddd`. */
  readonly name: string;
  readonly type: number;
  /** The bytes of the question, for the answer. */
  readonly bytes: Uint8Array;
  /** The flags that an answer repeats (RD). */
  readonly flags: number;
}

/**
 * Parses a query with one question. For another message it gives the code to answer with, or null if the
 * message gets no answer.
 */
export function parseQuery(
  message: Uint8Array,
): Question | { readonly id: number; readonly error: number } | null {
  if (message.length < HEADER) return null;
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  const id = view.getUint16(0);
  const flags = view.getUint16(2);
  if ((flags & RESPONSE) !== 0) return null;
  if ((flags & 0x7800) !== 0) return { id, error: RCODE.notImp };
  if (view.getUint16(4) !== 1) return { id, error: RCODE.formErr };
  const name = readName(message, HEADER);
  if (name === null || name.end + 4 > message.length) return { id, error: RCODE.formErr };
  const bytes = message.slice(HEADER, name.end + 4);
  const type = view.getUint16(name.end);
  if (view.getUint16(name.end + 2) !== CLASS_IN) return { id, error: RCODE.notImp };
  return { id, name: name.text, type, bytes, flags: flags & RECURSION_DESIRED };
}

/** Makes an answer with addresses, or without any. */
export function answer(
  question: Question,
  rcode: number,
  addresses: readonly Address[],
  ttl: number,
): Uint8Array {
  const records = addresses.map((address) => {
    const record = new Uint8Array(12 + address.length);
    const view = new DataView(record.buffer);
    view.setUint16(0, 0xc000 | HEADER);
    view.setUint16(2, address.length === 4 ? TYPE.A : TYPE.AAAA);
    view.setUint16(4, CLASS_IN);
    view.setUint32(6, ttl);
    view.setUint16(10, address.length);
    record.set(address, 12);
    return record;
  });
  const head = header(
    question.id,
    RESPONSE | question.flags | RECURSION_AVAILABLE | rcode,
    1,
    records.length,
  );
  return joined([head, question.bytes, ...records]);
}

/** Makes the answer to a message whose question is not understood. */
export function refusal(id: number, rcode: number): Uint8Array {
  return header(id, RESPONSE | rcode, 0, 0);
}

function header(id: number, flags: number, questions: number, answers: number): Uint8Array {
  const bytes = new Uint8Array(HEADER);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, id);
  view.setUint16(2, flags);
  view.setUint16(4, questions);
  view.setUint16(6, answers);
  return bytes;
}

/** Makes a query for a name whose labels are not too long. */
export function query(id: number, name: string, type: number): Uint8Array {
  const labels = name.split(".").map((label) => utf8(label));
  const question = joined([
    ...labels.flatMap((label) => [Uint8Array.of(label.length), label]),
    Uint8Array.of(0, type >> 8, type & 255, 0, CLASS_IN),
  ]);
  return joined([header(id, RECURSION_DESIRED, 1, 0), question]);
}

/** A server's answer for a name. */
export interface Answer {
  readonly rcode: number;
  readonly truncated: boolean;
  readonly addresses: readonly Address[];
  /** The least TTL of the records in seconds. */
  readonly ttl: number;
}

/** Parses the answer to a {@link query}; null for any other message. */
export function parseAnswer(message: Uint8Array, id: number, name: string, type: number): Answer | null {
  if (message.length < HEADER) return null;
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  const flags = view.getUint16(2);
  if (view.getUint16(0) !== id || (flags & RESPONSE) === 0 || view.getUint16(4) !== 1) return null;
  const question = readName(message, HEADER);
  if (question === null || question.end + 4 > message.length || question.text !== name) return null;
  if (view.getUint16(question.end) !== type) return null;
  let at = question.end + 4;
  const names = new Set([name]);
  const addresses: Address[] = [];
  let ttl = 0xffffffff;
  for (let left = view.getUint16(6); left > 0; left--) {
    const owner = readName(message, at);
    if (owner === null || owner.end + 10 > message.length) break;
    const kind = view.getUint16(owner.end);
    const length = view.getUint16(owner.end + 8);
    const data = owner.end + 10;
    if (data + length > message.length) break;
    at = data + length;
    if (!names.has(owner.text) || view.getUint16(owner.end + 2) !== CLASS_IN) continue;
    ttl = Math.min(ttl, view.getUint32(owner.end + 4));
    if (kind === TYPE.CNAME) {
      const target = readName(message, data);
      if (target !== null) names.add(target.text);
    } else if (kind === type && length === (type === TYPE.A ? 4 : 16)) {
      addresses.push(message.slice(data, data + length));
    }
  }
  return { rcode: flags & 15, truncated: (flags & TRUNCATED) !== 0, addresses, ttl };
}

/**
 * Reads a name, which may continue elsewhere in the message. `end` is the offset after it. Pointers lead only
 * backwards, so that reading ends.
 */
function readName(message: Uint8Array, start: number): { text: string; end: number } | null {
  const labels: string[] = [];
  let at = start;
  let end = -1;
  let before = start;
  let length = 0;
  for (;;) {
    const size = message[at];
    if (size === undefined) return null;
    if ((size & 0xc0) === 0xc0) {
      const target = ((size & 0x3f) << 8) | (message[at + 1] ?? 0);
      if (end < 0) end = at + 2;
      if (target >= before) return null;
      at = before = target;
      continue;
    }
    if (size > 63) return null;
    if (size === 0) return { text: labels.join("."), end: end < 0 ? at + 1 : end };
    length += size + 1;
    if (length > 254 || at + 1 + size > message.length) return null;
    labels.push(labelText(message.subarray(at + 1, at + 1 + size)));
    at += 1 + size;
  }
}

function labelText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    const char = String.fromCharCode(byte).toLowerCase();
    text += /[a-z0-9_-]/.test(char) ? char : `\\${byte.toString().padStart(3, "0")}`;
  }
  return text;
}

/** Makes a message for TCP: its length in two bytes precedes it (RFC 7766, 8). */
export function framed(message: Uint8Array): Uint8Array {
  return joined([Uint8Array.of(message.length >> 8, message.length & 255), message]);
}

/**
 * Takes the first message out of bytes from TCP. `rest` are the bytes after it. Null if the message is not
 * complete yet.
 */
export function unframed(bytes: Uint8Array): { message: Uint8Array; rest: Uint8Array } | null {
  if (bytes.length < 2) return null;
  const end = 2 + ((bytes[0]! << 8) | bytes[1]!);
  return bytes.length < end ? null : { message: bytes.subarray(2, end), rest: bytes.subarray(end) };
}
