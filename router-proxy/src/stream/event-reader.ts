import { bytesAsText, samplePieces, type TextKeys } from './piece-text.ts';
import { createSseParser, type SseEvent, type SseParser } from './sse-parser.ts';
import { createTextSample, type SampledText } from './text-sample.ts';

/** What one family of endpoints has its events read for. */
export interface EventReading {
  /** Longer events pass unseen. */
  readonly eventBytesMax: number;
  /** The keys of the texts that the model wrote. */
  readonly textKeys: TextKeys;
  /** Is in the text of every event that may tell more than a piece of text. Others are not parsed. */
  readonly telling: RegExp;
  /**
   * @param text The same as `bytesAsText` gives it.
   * @returns Whether the event is nothing but a report of usage.
   */
  look(data: Buffer, text: string): boolean;
}

/** More than this, a few dozen events, is not kept waiting beyond the turn of the event loop. */
const UNREAD_BYTES_MAX = 8_192;

/** A blank line of a stream whose lines end with LF. */
const BLANK_LINE = '\n\n';

/**
 * Reads the events of an answer after they have passed: many together cost less than each alone, and the client does not
 * wait for it. What has been read is up to date after `catchUp`.
 */
export class EventReader {
  readonly #reading: EventReading;
  readonly #parser: SseParser;
  readonly #sample = createTextSample();
  #unread: Buffer[] = [];
  #unreadBytes = 0;
  #isDue = false;

  constructor(reading: EventReading) {
    this.#reading = reading;
    this.#parser = createSseParser(reading.eventBytesMax);
  }

  /** Whether what was added so far ends with the end of an event; only where none but whole events wait to be read. */
  get isBetweenEvents(): boolean {
    return this.#parser.isBetweenEvents;
  }

  add(chunk: Buffer): void {
    this.#unread.push(chunk);
    this.#unreadBytes += chunk.length;
    if (this.#unreadBytes <= UNREAD_BYTES_MAX || this.#isDue) return;
    this.#isDue = true;
    // Behind the write that takes this chunk to the client.
    setImmediate(readDue, this);
  }

  readDue(): void {
    this.#isDue = false;
    this.catchUp();
  }

  /** Adds a chunk that is read at once. @returns The events that it completes, each of which has to be looked at. */
  events(chunk: Buffer): readonly SseEvent[] {
    this.catchUp();
    return this.#parser.push(chunk);
  }

  /** @returns Whether the event is nothing but a report of usage. */
  look({ data }: SseEvent): boolean {
    if (data === null) return false;
    const text = bytesAsText(data);
    samplePieces(this.#sample, data, text, this.#reading.textKeys);
    return this.#reading.look(data, text);
  }

  /**
   * The answer is over. @returns Whether the event that no blank line followed, as some providers end, is nothing but a
   * report of usage.
   */
  end(): boolean {
    this.catchUp();
    const last = this.#parser.end();
    return last !== null && this.look(last);
  }

  catchUp(): void {
    if (this.#unreadBytes === 0) return;
    const [only] = this.#unread;
    const bytes = this.#unread.length === 1 && only ? only : Buffer.concat(this.#unread, this.#unreadBytes);
    this.#unread = [];
    this.#unreadBytes = 0;
    this.#read(bytes);
  }

  sampledText(): SampledText {
    this.catchUp();
    return this.#sample.read();
  }

  #read(bytes: Buffer): void {
    const text = bytesAsText(bytes);
    const from = this.isBetweenEvents ? 0 : endOfFirstEvent(text);
    if (from > 0) this.#lookAt(bytes.subarray(0, from));
    const to = this.isBetweenEvents ? endOfPlainEvents(text, from, this.#reading.telling) : from;
    if (to > from) {
      samplePieces(this.#sample, bytes.subarray(from, to), text.slice(from, to), this.#reading.textKeys);
    }
    if (to < bytes.length) this.#lookAt(bytes.subarray(to));
  }

  #lookAt(bytes: Buffer): void {
    for (const event of this.#parser.push(bytes)) this.look(event);
  }
}

function readDue(reader: EventReader): void {
  reader.readDue();
}

/** @returns Behind the blank line that ends the event which has begun before; all of the text where it goes on. */
export function endOfFirstEvent(text: string): number {
  const at = text.indexOf(BLANK_LINE);
  return at === -1 ? text.length : at + BLANK_LINE.length;
}

/**
 * Whole events in which nothing is found need no parser, as long as no line ends with CR.
 * @param from Where an event begins.
 * @returns Where the last of those before the first find ends; `from` where there is none.
 */
export function endOfPlainEvents(text: string, from: number, sought: RegExp): number {
  const found = text.search(sought);
  const limit = found === -1 ? text.length : found;
  if (limit < from + BLANK_LINE.length || text.includes('\r')) return from;
  const at = text.lastIndexOf(BLANK_LINE, limit - BLANK_LINE.length);
  return at < from ? from : at + BLANK_LINE.length;
}
