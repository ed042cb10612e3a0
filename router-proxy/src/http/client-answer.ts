import { toAppError, type AppError } from '@weir/kernel/errors';
import { problemHeaders } from '@weir/service/problem';
import type { Dialect } from '../endpoints/endpoint.ts';
import type { AnswerChannel } from './answer-channel.ts';
import { asBuffer } from './as-buffer.ts';
import { errorBody, requestIdHeaders } from './error-dialect.ts';

/** Up to here a whole answer is written together with its head, in one string, which costs half of two writes. */
const WHOLE_BYTES_MAX = 16_384;

/** More than this of one turn of the event loop is not gathered. */
const GATHERED_BYTES_MAX = 16_384;

const NOW = Promise.resolve();
/**
 * What ends an event that broke off. Anthropic's clients read the data of the events that they know by name, and would fail
 * at half of one before they come to the error; the name that comes last counts, and a ping they pass over.
 */
const EVENT_ENDS: Readonly<Record<Dialect, string>> = { openai: '\n\n', anthropic: '\nevent: ping\n\n' };
const LF = 0x0a;
const CR = 0x0d;

/** The answer to one client. It is started once, and ended once, whatever happens. */
export class ClientAnswer {
  readonly #res: AnswerChannel;
  /** `req_…` */
  readonly #requestId: string;
  readonly #dialect: Dialect;
  #status: number | null = null;
  #isEventStream = false;
  /**
   * Events that came in one turn of the event loop. They leave as one chunk, and with the head or the end of the answer
   * where those are of the same turn: framing a chunk costs more than copying it, and a write more than either.
   */
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  /** What was written of a stream of events ends with a blank line, so that another event may follow. */
  #isBetweenEvents = true;
  #isLeaving = false;
  #isHeadWritten = false;
  /** The announced length of a body of which nothing has been written. */
  #wholeBytes: number | null = null;
  #whole: Buffer | null = null;

  constructor(res: AnswerChannel, requestId: string, dialect: Dialect) {
    this.#res = res;
    this.#requestId = requestId;
    this.#dialect = dialect;
  }

  /** From there on no other answer can be given. */
  get isStarted(): boolean {
    return this.#status !== null;
  }

  /** The HTTP status that was sent; null while none was. */
  get status(): number | null {
    return this.#status;
  }

  /** Adds a header to whatever answer will be given. */
  announce(name: string, value: string): void {
    this.#res.setHeader(name, value);
  }

  /**
   * @param headers A flat list of names and values.
   * @param bodyBytes How long the body will be; null where it is not known.
   */
  start(status: number, headers: string[], isEventStream: boolean, bodyBytes: number | null): void {
    this.#status = status;
    this.#isEventStream = isEventStream;
    this.#wholeBytes = bodyBytes !== null && bodyBytes <= WHOLE_BYTES_MAX ? bodyBytes : null;
    this.#res.writeHead(status, headers);
    // The first event may be long in coming.
    if (isEventStream) this.#leaveSoon();
  }

  /** @returns False when the client is slower than the provider: wait for `onDrain`. */
  write(bytes: Uint8Array): boolean {
    if (bytes.length === this.#wholeBytes && bytes.length > 0) {
      // The body is complete, so `end` follows at once.
      this.#whole = asBuffer(bytes);
      return true;
    }
    this.#wholeBytes = null;
    if (!this.#isEventStream) return this.#res.write(bytes);
    if (bytes.length > 0) this.#isBetweenEvents = endsEvent(bytes);
    this.#gathered.push(bytes);
    this.#gatheredBytes += bytes.length;
    if (this.#gatheredBytes > GATHERED_BYTES_MAX) return this.#writeGathered();
    this.#leaveSoon();
    return !this.#res.writableNeedDrain;
  }

  onDrain(resume: () => void): void {
    this.#res.once('drain', resume);
  }

  end(): void {
    if (this.#gatheredBytes > 0) this.#res.end(this.#takeGathered());
    else if (this.#whole) this.#res.end(this.#whole.toString('latin1'), 'latin1');
    else this.#res.end();
  }

  /**
   * Tells a failure: as a problem while nothing was sent, as an event within a stream of events, and by breaking the
   * connection within anything else, so that nobody takes half an answer for a whole one.
   * @param headers What a problem says beside itself, as a flat list of names and values.
   */
  fail(thrown: unknown, headers: readonly string[] = []): AppError {
    const error = toAppError(thrown);
    if (this.#status === null) this.#sendProblem(error, headers);
    else this.#breakOff(error);
    return error;
  }

  #sendProblem(error: AppError, extra: readonly string[]): void {
    const body = errorBody(this.#dialect, error, this.#requestId);
    const code = error.spec.status;
    this.#status = code;
    const all = requestIdHeaders(this.#dialect, this.#requestId);
    all.push(...extra);
    for (const [name, value] of Object.entries(problemHeaders(error))) all.push(name, value);
    if (error.code === 'SHUTTING_DOWN') all.push('connection', 'close');
    all.push('content-length', String(Buffer.byteLength(body)));
    this.#res.writeHead(code, all);
    this.#res.end(body);
  }

  /** At the end of this turn: behind the jobs that follow from what arrived in it, of which one may end the answer. */
  #leaveSoon(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    process.nextTick(() => void NOW.then(() => this.#leave()));
  }

  #leave(): void {
    this.#isLeaving = false;
    if (this.#gatheredBytes > 0) this.#writeGathered();
    else if (!this.#isHeadWritten && !this.#res.writableEnded) this.#res.flushHeaders();
    this.#isHeadWritten = true;
  }

  #writeGathered(): boolean {
    this.#isHeadWritten = true;
    return this.#res.write(this.#takeGathered());
  }

  #takeGathered(): Uint8Array {
    const [only] = this.#gathered;
    const all = this.#gathered.length === 1 && only ? only : Buffer.concat(this.#gathered);
    this.#gathered = [];
    this.#gatheredBytes = 0;
    return all;
  }

  #breakOff(error: AppError): void {
    if (this.#isEventStream) {
      if (this.#gatheredBytes > 0) this.#writeGathered();
      // Within an event ours would be taken for lines of that one.
      const before = this.#isBetweenEvents ? '' : EVENT_ENDS[this.#dialect];
      this.#res.end(`${before}event: error\ndata: ${errorBody(this.#dialect, error, this.#requestId)}\n\n`);
    } else {
      this.#res.destroy();
    }
  }
}

/** Where a blank line was cut in two this says no, and one more blank line does no harm. */
function endsEvent(bytes: Uint8Array): boolean {
  const last = bytes.at(-1);
  if (last === CR) return bytes.at(-2) === CR;
  return last === LF && (bytes.at(-2) === LF || (bytes.at(-2) === CR && bytes.at(-3) === LF));
}
