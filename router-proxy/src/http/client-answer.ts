import type { ServerResponse } from 'node:http';
import { toAppError, type AppError } from '@weir/kernel/errors';
import { problemDetails, problemResponse } from '@weir/service/problem';

/** The answer to one client. It is started once, and ended once, whatever happens. */
export interface ClientAnswer {
  /** From here on no other answer can be given. */
  readonly isStarted: boolean;
  /** The HTTP status that was sent; null while none was. */
  readonly status: number | null;
  /** @param headers A flat list of names and values. */
  start(status: number, headers: readonly (string | number)[], isEventStream: boolean): void;
  /** @returns False when the client is slower than the provider: wait for `onDrain`. */
  write(bytes: Uint8Array): boolean;
  onDrain(resume: () => void): void;
  end(): void;
  /**
   * Tells a failure: as a problem while nothing was sent, as an event within a stream of events, and by breaking the
   * connection within anything else, so that nobody takes half an answer for a whole one.
   */
  fail(thrown: unknown, headers?: readonly (string | number)[]): AppError;
}

export function createClientAnswer(res: ServerResponse, requestId: string): ClientAnswer {
  let status: number | null = null;
  let isEventStream = false;

  function sendProblem(thrown: unknown, extra: readonly (string | number)[]): AppError {
    const { error, status: code, headers, body } = problemResponse(thrown, requestId);
    status = code;
    const all: (string | number)[] = ['x-request-id', requestId, ...extra];
    for (const [name, value] of Object.entries(headers)) all.push(name, value);
    if (error.code === 'SHUTTING_DOWN') all.push('connection', 'close');
    all.push('content-length', Buffer.byteLength(body));
    res.writeHead(code, toHeaderList(all));
    res.end(body);
    return error;
  }

  function breakOff(thrown: unknown): AppError {
    const error = toAppError(thrown);
    if (isEventStream) {
      res.end(`event: error\ndata: ${JSON.stringify(problemDetails(error, requestId))}\n\n`);
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
    start(code, headers, asEventStream) {
      status = code;
      isEventStream = asEventStream;
      res.writeHead(code, toHeaderList(headers));
      // The first event may be long in coming; whoever waits for it wants to know that it will.
      if (isEventStream) res.flushHeaders();
    },
    write: (bytes) => res.write(bytes),
    onDrain(resume) {
      res.once('drain', resume);
    },
    end() {
      res.end();
    },
    fail: (thrown, headers = []) => (status === null ? sendProblem(thrown, headers) : breakOff(thrown)),
  };
}

function toHeaderList(headers: readonly (string | number)[]): string[] {
  return headers.map(String);
}
