import type { ServerResponse } from 'node:http';
import { toAppError, type AppError } from '@weir/kernel/errors';
import { problemHeaders } from '@weir/service/problem';
import type { Dialect } from '../endpoints/endpoint.ts';
import { errorBody, requestIdHeaders } from './error-dialect.ts';

/** The answer to one client. It is started once, and ended once, whatever happens. */
export interface ClientAnswer {
  /** From here on no other answer can be given. */
  readonly isStarted: boolean;
  /** The HTTP status that was sent; null while none was. */
  readonly status: number | null;
  /** Adds a header to whatever answer will be given. */
  announce(name: string, value: string): void;
  /** @param headers A flat list of names and values. */
  start(status: number, headers: string[], isEventStream: boolean): void;
  /** @returns False when the client is slower than the provider: wait for `onDrain`. */
  write(bytes: Uint8Array): boolean;
  onDrain(resume: () => void): void;
  end(): void;
  /**
   * Tells a failure: as a problem while nothing was sent, as an event within a stream of events, and by breaking the
   * connection within anything else, so that nobody takes half an answer for a whole one.
   */
  fail(thrown: unknown, headers?: readonly string[]): AppError;
}

/** Up to here a whole answer is written together with its head, in one string, which costs half of two writes. */
const WHOLE_BYTES_MAX = 16_384;

export function createClientAnswer(res: ServerResponse, requestId: string, dialect: Dialect): ClientAnswer {
  let status: number | null = null;
  let isEventStream = false;
  /** The announced length of a body of which nothing has been written. */
  let wholeBytes: number | null = null;
  let whole: Uint8Array | null = null;

  function sendProblem(thrown: unknown, extra: readonly string[]): AppError {
    const error = toAppError(thrown);
    const body = errorBody(dialect, error, requestId);
    const code = error.spec.status;
    status = code;
    const all: string[] = [...requestIdHeaders(dialect, requestId), ...extra];
    for (const [name, value] of Object.entries(problemHeaders(error))) all.push(name, value);
    if (error.code === 'SHUTTING_DOWN') all.push('connection', 'close');
    all.push('content-length', String(Buffer.byteLength(body)));
    res.writeHead(code, all);
    res.end(body);
    return error;
  }

  function breakOff(thrown: unknown): AppError {
    const error = toAppError(thrown);
    if (isEventStream) {
      res.end(`event: error\ndata: ${errorBody(dialect, error, requestId)}\n\n`);
    } else {
      res.destroy();
    }
    return error;
  }

  return {
    get isStarted() {
      return status !== null;
    },
    get status() {
      return status;
    },
    announce(name, value) {
      res.setHeader(name, value);
    },
    start(code, headers, asEventStream) {
      status = code;
      isEventStream = asEventStream;
      wholeBytes = announcedBytes(headers);
      res.writeHead(code, headers);
      // The first event may be long in coming.
      if (isEventStream) res.flushHeaders();
    },
    write(bytes) {
      if (bytes.length === wholeBytes) {
        // The body is complete, so `end` follows at once.
        whole = bytes;
        return true;
      }
      wholeBytes = null;
      return res.write(bytes);
    },
    onDrain(resume) {
      res.once('drain', resume);
    },
    end() {
      if (whole)
        res.end(Buffer.from(whole.buffer, whole.byteOffset, whole.length).toString('latin1'), 'latin1');
      else res.end();
    },
    fail: (thrown, headers = []) => (status === null ? sendProblem(thrown, headers) : breakOff(thrown)),
  };
}

function announcedBytes(headers: readonly string[]): number | null {
  const at = headers.lastIndexOf('content-length');
  const bytes = at === -1 ? Number.NaN : Number(headers[at + 1]);
  return bytes > 0 && bytes <= WHOLE_BYTES_MAX ? bytes : null;
}
