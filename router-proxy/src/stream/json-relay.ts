import type { Usage } from '@weir/kernel/usage';
import { memberNamed, objectMembers } from '../body/json-members.ts';
import { createMemberScanner, type MemberScanner } from './member-scanner.ts';
import type { Forward, Relay, Seen } from './relay.ts';
import { NO_TEXT, type SampledText } from './text-sample.ts';

/** What one family of endpoints answers as one JSON value. */
export interface JsonDialect {
  /** The members that tell what was consumed. */
  readonly wanted: readonly string[];
  /** @param images How many objects the list of images holds. */
  readUsage(member: (name: string) => unknown, images: number): Usage | null;
  /** The member that lists images. */
  readonly imagesIn?: string;
  /** What the model wrote, for an estimate; absent where an answer has no text. */
  readonly writtenText?: (body: unknown) => string;
}

/** A small answer is kept and read at its end, which is cheaper; a larger one is scanned while it passes. */
const KEPT_BYTES_MAX = 65_536;
/** Of an answer that is not kept, or is no JSON, so much stands for all of it where its tokens are estimated. */
const HEAD_BYTES = 16_384;

/** The relay of an answer that is one JSON value: every chunk passes at once. */
export class JsonRelay implements Relay {
  readonly isVerbatim = true;
  readonly #dialect: JsonDialect;
  /** The usual answer comes in one piece. */
  #first: Buffer | null = null;
  #more: Buffer[] = [];
  #bytes = 0;
  #large: { readonly scanner: MemberScanner; readonly head: Buffer } | null = null;

  constructor(dialect: JsonDialect) {
    this.#dialect = dialect;
  }

  push(chunk: Buffer, forward: Forward): void {
    this.#look(chunk);
    forward(chunk);
  }

  end(): void {
    // Nothing was held back.
  }

  usage(): Usage | null {
    const { scanner } = this.#large ?? {};
    return scanner
      ? this.#dialect.readUsage(scanner.value, scanner.objects)
      : usageIn(this.#body(), this.#dialect);
  }

  seen(): Seen {
    const dialect = this.#dialect;
    if (this.#large) {
      const { scanner, head } = this.#large;
      return { text: rawText(head, this.#bytes, dialect), images: scanner.objects, audioMs: 0 };
    }
    const body = this.#body();
    return { text: textIn(body, dialect), images: imagesIn(body, dialect), audioMs: 0 };
  }

  #body(): Buffer {
    return this.#more.length === 0 && this.#first ? this.#first : Buffer.concat(this.#kept());
  }

  #kept(): readonly Buffer[] {
    return this.#first ? [this.#first, ...this.#more] : [];
  }

  #look(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#large) return this.#large.scanner.push(chunk);
    if (this.#first) this.#more.push(chunk);
    else this.#first = chunk;
    if (this.#bytes <= KEPT_BYTES_MAX) return;
    const scanner = createMemberScanner(this.#dialect.wanted, this.#dialect.imagesIn);
    for (const part of this.#kept()) scanner.push(part);
    this.#large = { scanner, head: Buffer.from(this.#body().subarray(0, HEAD_BYTES)) };
    this.#first = null;
    this.#more = [];
  }
}

function usageIn(body: Buffer, dialect: JsonDialect): Usage | null {
  const members = objectMembers(body);
  if (!members) return null;
  const images = dialect.imagesIn === undefined ? 0 : imagesIn(body, dialect);
  return dialect.readUsage((name) => {
    const found = memberNamed(body, members, name);
    return found && parsed(body.subarray(found.valueStart, found.valueEnd));
  }, images);
}

function imagesIn(body: Buffer, { imagesIn: name }: JsonDialect): number {
  if (name === undefined) return 0;
  const answer = parsed(body);
  const list = isRecord(answer) ? answer[name] : undefined;
  return Array.isArray(list) ? list.length : 0;
}

function textIn(body: Buffer, dialect: JsonDialect): SampledText {
  const answer = dialect.writtenText && parsed(body);
  return answer === undefined || !dialect.writtenText
    ? rawText(body.subarray(0, HEAD_BYTES), body.length, dialect)
    : { text: dialect.writtenText(answer), scale: 1 };
}

function rawText(head: Buffer, bytes: number, { writtenText }: JsonDialect): SampledText {
  if (!writtenText || head.length === 0) return NO_TEXT;
  return { text: head.toString('utf8'), scale: bytes / head.length };
}

function parsed(json: Buffer): unknown {
  try {
    return JSON.parse(json.toString('utf8'));
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
