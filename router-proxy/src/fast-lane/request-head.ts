import type { IncomingHttpHeaders } from 'node:http';

/** The head of a request that leaves nothing to interpretation. */
export interface PlainHead {
  /** Path and query as they were sent. */
  readonly url: string;
  /** By name in lower case, each name once. */
  readonly headers: IncomingHttpHeaders;
  /** Where the body begins, and how long it is. */
  readonly bodyStart: number;
  readonly bodyBytes: number;
}

const METHOD = 'POST ';
const VERSION = ' HTTP/1.1';
const HEAD_END = Buffer.from('\r\n\r\n');
/** What Node takes at most, too. */
const HEAD_BYTES_MAX = 16_384;
/** RFC 9112 §5 without folded lines, without bytes beyond ASCII, and without control characters other than the tab. */
const FIELD_LINES = /^(?:[\w!#$%&'*+.^`|~-]+:[\t\x20-\x7e]*\r\n)+$/;
const LENGTH = /^\d{1,15}$/;

/**
 * Reads the head of a POST whose framing has only one reading: HTTP/1.1, one Host, one Content-Length, no other header that
 * says where a body ends or what becomes of the connection, no name twice, and whole in these bytes.
 * @returns Null for every other head, valid or not: those are for Node's parser to judge.
 */
export function readPlainHead(bytes: Buffer): PlainHead | null {
  const end = bytes.indexOf(HEAD_END);
  if (end === -1 || end > HEAD_BYTES_MAX) return null;
  const text = bytes.toString('latin1', 0, end + 2);
  const lineEnd = text.indexOf('\r\n');
  const urlEnd = lineEnd - VERSION.length;
  if (!text.startsWith(METHOD) || !text.startsWith(VERSION, urlEnd)) return null;
  const url = text.slice(METHOD.length, urlEnd);
  const fields = text.slice(lineEnd + 2);
  if (!FIELD_LINES.test(fields)) return null;
  const headers = readFields(fields);
  return headers && isPlain(headers)
    ? { url, headers, bodyStart: end + HEAD_END.length, bodyBytes: Number(headers['content-length']) }
    : null;
}

/** @returns Null where a name comes twice: which of its values counts depends on the name. */
function readFields(fields: string): IncomingHttpHeaders | null {
  const headers = Object.create(null) as Record<string, string>;
  for (let at = 0; at < fields.length;) {
    const colon = fields.indexOf(':', at);
    const lineEnd = fields.indexOf('\r\n', colon);
    const name = lowerCase(fields.slice(at, colon));
    if (name in headers) return null;
    headers[name] = fields.slice(colon + 1, lineEnd).trim();
    at = lineEnd + 2;
  }
  return headers;
}

/** Clients send few names, and always write them in the same way. */
const lowerCaseNames = new Map<string, string>();
const LOWER_CASE_NAMES_MAX = 500;

function lowerCase(name: string): string {
  const known = lowerCaseNames.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  if (lowerCaseNames.size < LOWER_CASE_NAMES_MAX) lowerCaseNames.set(name, lower);
  return lower;
}

function isPlain(headers: IncomingHttpHeaders): boolean {
  const { host, connection, expect, upgrade } = headers;
  return (
    host !== undefined &&
    LENGTH.test(headers['content-length'] ?? '') &&
    headers['transfer-encoding'] === undefined &&
    (connection === undefined || connection.toLowerCase() === 'keep-alive') &&
    expect === undefined &&
    upgrade === undefined
  );
}
