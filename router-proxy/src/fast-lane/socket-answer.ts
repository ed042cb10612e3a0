import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { AnswerChannel } from '../http/answer-channel.ts';
import { asBuffer } from '../http/as-buffer.ts';
import { httpDate } from './http-date.ts';

/** The connection that an answer is given on. */
export interface AnsweredConnection {
  /** Whether it may serve another request behind this answer. */
  readonly keepsAlive: boolean;
  /** For how long it waits for one. */
  readonly keepAliveSeconds: number;
  /** The answer was given to the socket as a whole. */
  answered(keepAlive: boolean): void;
}

/** Up to here bytes are joined with their framing to one string, which costs half of several writes. */
const JOINED_BYTES_MAX = 16_384;
/** What a header's value may not hold, or it would be more than one header. */
const UNSAFE_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const NO_BODY_STATUSES: ReadonlySet<number> = new Set([204, 304]);
const LAST_CHUNK = '0\r\n\r\n';

/**
 * An answer in HTTP/1.1 on a socket. Its body is as long as its Content-Length says, or in chunks where it has none. Head,
 * framing and bytes that are given together leave in one write.
 */
export class SocketAnswer implements AnswerChannel {
  writableEnded = false;
  readonly #socket: Socket;
  readonly #connection: AnsweredConnection;
  #announced: string[] = [];
  /** The head while it waits for the first bytes of the body. */
  #head = '';
  #framing: 'length' | 'chunks' | 'no body' = 'chunks';
  /** How much of the announced length is missing. */
  #missingBytes = 0;
  #keepsAlive = false;

  constructor(socket: Socket, connection: AnsweredConnection) {
    this.#socket = socket;
    this.#connection = connection;
  }

  get writableNeedDrain(): boolean {
    return this.#socket.writableNeedDrain;
  }

  setHeader(name: string, value: string): void {
    this.#announced.push(name, value);
  }

  writeHead(status: number, given: string[]): void {
    const headers = this.#announced.length > 0 ? [...this.#announced, ...given] : given;
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`;
    let keepsAlive = this.#connection.keepsAlive;
    let length: number | null = null;
    for (let at = 0; at + 1 < headers.length; at += 2) {
      const name = headers[at] ?? '';
      const value = headers[at + 1] ?? '';
      if (name === 'connection') keepsAlive &&= value !== 'close';
      else head += fieldLine(name, value);
      if (name === 'content-length') length = Number(value);
    }
    if (NO_BODY_STATUSES.has(status)) this.#framing = 'no body';
    else if (length === null) this.#framing = 'chunks';
    else this.#framing = 'length';
    this.#missingBytes = length ?? 0;
    this.#keepsAlive = keepsAlive;
    this.#head = head + lastLines(this.#framing === 'chunks', keepsAlive, this.#connection.keepAliveSeconds);
  }

  flushHeaders(): void {
    if (this.#head === '') return;
    this.#socket.write(this.#head, 'latin1');
    this.#head = '';
  }

  write(bytes: Uint8Array): boolean {
    return this.#put(bytes, '');
  }

  end(data: Uint8Array | string = '', encoding: 'utf8' | 'latin1' = 'utf8'): void {
    if (this.writableEnded) return;
    this.writableEnded = true;
    const isText = typeof data === 'string' && encoding === 'utf8';
    this.#put(isText ? Buffer.from(data) : data, this.#framing === 'chunks' ? LAST_CHUNK : '');
    // What comes next on this connection would be taken for the missing rest.
    if (this.#framing === 'length' && this.#missingBytes !== 0) this.#socket.destroy();
    this.#connection.answered(this.#keepsAlive && !this.#socket.destroyed);
  }

  once(_event: 'drain', resume: () => void): void {
    this.#socket.once('drain', resume);
  }

  destroy(): void {
    this.writableEnded = true;
    this.#socket.destroy();
  }

  /**
   * @param data Of a string each character is a byte.
   * @param tail What follows the data.
   */
  #put(data: Uint8Array | string, tail: string): boolean {
    const socket = this.#socket;
    const { length } = data;
    let before = this.#head;
    let after = tail;
    this.#head = '';
    if (this.#framing === 'chunks') {
      if (length > 0) {
        before += `${length.toString(16)}\r\n`;
        after = `\r\n${tail}`;
      }
    } else if (this.#framing === 'no body') {
      return before === '' || socket.write(before, 'latin1');
    } else if (!this.#takeFromLength(length)) {
      return true;
    }
    if (length <= JOINED_BYTES_MAX) {
      const text = typeof data === 'string' ? data : asBuffer(data).toString('latin1');
      const all = before + text + after;
      return all === '' || socket.write(all, 'latin1');
    }
    socket.cork();
    if (before !== '') socket.write(before, 'latin1');
    if (typeof data === 'string') socket.write(data, 'latin1');
    else socket.write(data);
    if (after !== '') socket.write(after, 'latin1');
    socket.uncork();
    return !socket.writableNeedDrain;
  }

  /** @returns False where more comes than was announced, which would be taken for the next answer: nothing more is sent. */
  #takeFromLength(bytes: number): boolean {
    this.#missingBytes -= bytes;
    if (this.#missingBytes >= 0) return true;
    this.#socket.destroy();
    return false;
  }
}

/** By name: what stands before a header's value. Put together once, as a line that is joined from more parts costs more. */
const prefixes = new Map<string, string>();
const PREFIXES_MAX = 200;

function prefixOf(name: string): string {
  const known = prefixes.get(name);
  if (known !== undefined) return known;
  const prefix = `\r\n${name}: `;
  if (prefixes.size < PREFIXES_MAX) prefixes.set(name, prefix);
  return prefix;
}

/** A header behind a line that has no end yet. @throws Error where the value would become more than one header. */
function fieldLine(name: string, value: string): string {
  if (UNSAFE_VALUE.test(value)) throw new Error(`the header ${name} has a value that no header may have`);
  return `${prefixOf(name)}${value}`;
}

/** The end of a head: what every answer says. */
function lastLines(isChunked: boolean, keepsAlive: boolean, keepAliveSeconds: number): string {
  const connection = keepsAlive
    ? `connection: keep-alive\r\nkeep-alive: timeout=${keepAliveSeconds}`
    : 'connection: close';
  const framing = isChunked ? '\r\ntransfer-encoding: chunked' : '';
  return `\r\ndate: ${httpDate(Date.now())}\r\n${connection}${framing}\r\n\r\n`;
}
