import { connect } from 'node:net';

/** What came back over one raw connection. */
export interface RawReply {
  readonly bytes: Buffer;
  /** Final responses in order; interim ones (1xx) are left out. */
  readonly responses: readonly RawResponse[];
  /** Whether the last response, or an interim one before it, was broken off with the connection. */
  readonly isCut: boolean;
}

export interface RawResponse {
  readonly status: number;
  /** Names in lower case; values of a repeated name joined by commas. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

export interface RawExchange {
  readonly port: number;
  /** Each is written on its own. */
  readonly chunks: readonly Buffer[];
  /** Written once the answer has begun. */
  readonly late?: Buffer;
  /**
   * Half a request makes a server wait; after so much silence our side says that nothing more will come. Null where
   * the server has to close by itself.
   */
  readonly quietMs: number | null;
  /** The connection has to be closed by then. */
  readonly deadlineMs: number;
}

/**
 * Sends bytes as they are and collects what comes back until the connection is closed.
 * @throws Error when it is still open at the deadline, or when a response is not well-formed.
 */
export async function exchangeRaw(exchange: RawExchange): Promise<RawReply> {
  const bytes = await collect(exchange);
  return { bytes, ...parseResponses(bytes) };
}

function collect({ port, chunks, late, quietMs, deadlineMs }: RawExchange): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const quiet = quietMs === null ? undefined : setTimeout(() => socket.end(), quietMs);
    const deadline = setTimeout(() => {
      socket.destroy();
      reject(new Error(`still open after ${deadlineMs} ms; got ${Buffer.concat(parts).toString('latin1')}`));
    }, deadlineMs);
    // A reset is one of the ways in which a server may close.
    socket.on('error', () => undefined);
    socket.on('data', (part) => {
      if (parts.length === 0 && late) socket.write(late);
      parts.push(part);
      quiet?.refresh();
    });
    socket.once('close', () => {
      clearTimeout(quiet);
      clearTimeout(deadline);
      resolve(Buffer.concat(parts));
    });
    socket.once('connect', () => void writeAll());
    const writeAll = async (): Promise<void> => {
      for (const chunk of chunks) {
        if (!socket.writable) return;
        socket.write(chunk);
        quiet?.refresh();
        await new Promise((next) => setImmediate(next));
      }
    };
  });
}

const HEAD_END = '\r\n\r\n';
const STATUS_LINE = /^HTTP\/1\.1 ([1-9]\d\d) [\x20-\x7e]*$/;
const HEADER_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ?([\t\x20-\x7e\x80-\xff]*)$/;

/** @throws Error for bytes that are no sequence of HTTP/1.1 responses. */
function parseResponses(bytes: Buffer): Pick<RawReply, 'responses' | 'isCut'> {
  const responses: RawResponse[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = bytes.indexOf(HEAD_END, at);
    if (end === -1) return { responses, isCut: true };
    const head = parseHead(bytes.toString('latin1', at, end));
    at = end + HEAD_END.length;
    if (head.status < 200) continue;
    const body = bodyFrom(bytes, at, head);
    if (!body) return { responses: [...responses, { ...head, body: bytes.subarray(at) }], isCut: true };
    responses.push({ ...head, body: body.bytes });
    at = body.end;
  }
  return { responses, isCut: false };
}

function parseHead(text: string): Omit<RawResponse, 'body'> {
  const [first = '', ...lines] = text.split('\r\n');
  const status = STATUS_LINE.exec(first)?.[1];
  if (status === undefined) throw new Error(`no status line: ${JSON.stringify(first)}`);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] = HEADER_LINE.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new Error(`no header line: ${JSON.stringify(line)}`);
    const known = headers.get(name.toLowerCase());
    headers.set(name.toLowerCase(), known === undefined ? value : `${known}, ${value}`);
  }
  return { status: Number(status), headers };
}

/** Undefined when the connection ended before the body did. */
function bodyFrom(
  bytes: Buffer,
  from: number,
  { status, headers }: Omit<RawResponse, 'body'>,
): { readonly bytes: Buffer; readonly end: number } | undefined {
  const length = headers.get('content-length');
  if (headers.get('transfer-encoding') === 'chunked') {
    if (length !== undefined) throw new Error('a response with two lengths');
    return chunksFrom(bytes, from);
  }
  if (length !== undefined) {
    if (!/^\d+$/.test(length)) throw new Error(`content-length is ${length}`);
    const end = from + Number(length);
    return end > bytes.length ? undefined : { bytes: bytes.subarray(from, end), end };
  }
  if (status === 204 || status === 304) return { bytes: Buffer.alloc(0), end: from };
  return { bytes: bytes.subarray(from), end: bytes.length };
}

function chunksFrom(
  bytes: Buffer,
  from: number,
): { readonly bytes: Buffer; readonly end: number } | undefined {
  const parts: Buffer[] = [];
  for (let at = from; ;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return undefined;
    const text = bytes.toString('latin1', at, lineEnd);
    if (!/^[0-9a-f]+$/i.test(text)) throw new Error(`a chunk of size ${JSON.stringify(text)}`);
    const size = Number.parseInt(text, 16);
    const end = lineEnd + 2 + size;
    if (end + 2 > bytes.length) return undefined;
    if (bytes.toString('latin1', end, end + 2) !== '\r\n') throw new Error('a chunk without its end');
    if (size === 0) return { bytes: Buffer.concat(parts), end: end + 2 };
    parts.push(bytes.subarray(lineEnd + 2, end));
    at = end + 2;
  }
}
