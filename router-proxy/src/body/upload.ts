import { AppError } from '@weir/kernel/errors';
import { createFormReader, type Form } from './form.ts';
import type { Edit } from './json-edit.ts';
import type { RequestSource } from './request-source.ts';
import type { UploadMemory } from './upload-memory.ts';

/** A form that is read while it arrives, and sent on before it has arrived whole. */
export interface Upload {
  readonly form: Form;
  /** False once bytes that were sent are kept no more: then nobody else can be asked. */
  readonly canRepeat: boolean;
  /** Reads on until the condition holds or the form is complete. @throws AppError for what is no form, or too large. */
  readUntil(isEnough: (form: Form) => boolean): Promise<void>;
  /** What a provider is sent: everything so far, and the rest as it comes. */
  body(edits: readonly Edit[]): UploadBody;
  /** A provider answers, so nobody else will be asked: sent bytes are kept no more. */
  answered(): void;
  /** Gives everything back and passes over what has not arrived. */
  release(): void;
}

/** The body of one provider request. */
export interface UploadBody extends AsyncIterable<Uint8Array> {
  readonly contentType: string;
  /** Null where the client did not say how long its form is. */
  readonly length: number | null;
  /** Whether the provider has been handed all of it. */
  readonly isSent: boolean;
  /** Why it will never be whole; null while it may. */
  readonly failure: AppError | null;
}

export interface UploadOptions {
  readonly source: RequestSource;
  /** The length that the client gave; null where it gave none. */
  readonly announcedBytes: number | null;
  readonly contentType: string;
  readonly boundary: string;
  readonly bytesMax: number;
  readonly textBytesMax: number;
  readonly memory: UploadMemory;
}

const NOTHING = Buffer.alloc(0);

/** @throws AppError PAYLOAD_TOO_LARGE where the announced length is beyond the limit. */
export function createUpload(options: UploadOptions): Upload {
  const { source, contentType, memory, announcedBytes } = options;
  const form = createFormReader(options.boundary, options.textBytesMax);
  /** Everything received, in order; what is kept no more is empty. */
  const chunks: Buffer[] = [];
  let received = 0;
  let keptBytes = 0;
  let firstKept = 0;
  let isKeeping = true;
  let isSending = false;
  let failure: AppError | null = null;
  let pulling: Promise<void> | null = null;

  if (announcedBytes !== null && announcedBytes > options.bytesMax) throw tooLarge(options.bytesMax);

  /** Reads one more chunk; whoever asks meanwhile waits for the same one. */
  function pull(): Promise<void> {
    if (failure) return Promise.reject(failure);
    pulling ??= pullOnce().finally(() => {
      pulling = null;
    });
    return pulling;
  }

  async function pullOnce(): Promise<void> {
    try {
      const chunk = await source.next();
      if (chunk) receive(chunk);
      else form.end();
    } catch (thrown) {
      failure = thrown instanceof AppError ? thrown : cutOff(thrown);
      throw failure;
    }
  }

  function receive(chunk: Buffer): void {
    received += chunk.length;
    if (received > options.bytesMax) throw tooLarge(options.bytesMax);
    form.push(chunk);
    if (isKeeping && !keep(chunk)) {
      if (!isSending) throw noMemory();
      isKeeping = false;
    }
    chunks.push(chunk);
  }

  function keep(chunk: Buffer): boolean {
    if (!memory.take(chunk.length)) return false;
    keptBytes += chunk.length;
    return true;
  }

  /** Everything before the index has been sent. */
  function forget(index: number): void {
    for (; firstKept < index; firstKept++) {
      give(chunks[firstKept]?.length ?? 0);
      chunks[firstKept] = NOTHING;
    }
  }

  function give(bytes: number): void {
    // What came after the memory was used up was never taken from it.
    const given = Math.min(bytes, keptBytes);
    keptBytes -= given;
    memory.give(given);
  }

  function bodyOf(edits: readonly Edit[]): UploadBody {
    let isSent = false;
    const change = edits.reduce((sum, edit) => sum + lengthOf(edit) - (edit.end - edit.start), 0);
    const total = form.isComplete ? received : announcedBytes;
    async function* send(): AsyncGenerator<Uint8Array> {
      isSending = true;
      let at = 0;
      for (let index = 0; ; index++) {
        while (index === chunks.length && !form.isComplete) await pull();
        const chunk = chunks[index];
        if (!chunk) break;
        yield* edited(chunk, at, edits);
        at += chunk.length;
        if (!isKeeping) forget(index + 1);
      }
      isSent = true;
    }
    return {
      contentType,
      length: total === null ? null : total + change,
      get isSent() {
        return isSent;
      },
      get failure() {
        return failure;
      },
      [Symbol.asyncIterator]: send,
    };
  }

  return {
    form,
    get canRepeat() {
      return firstKept === 0;
    },
    async readUntil(isEnough) {
      while (!form.isComplete && !isEnough(form)) await pull();
    },
    body: bodyOf,
    answered() {
      isKeeping = false;
    },
    release() {
      isKeeping = false;
      forget(chunks.length);
      source.discard(options.bytesMax);
    },
  };
}

/** What of a chunk remains, and what takes the place of the rest. @param at The chunk's offset in the body. */
function* edited(chunk: Buffer, at: number, edits: readonly Edit[]): Generator<Uint8Array> {
  const end = at + chunk.length;
  let from = at;
  for (const edit of edits) {
    if (edit.end <= from || edit.start >= end) continue;
    if (edit.start > from) yield chunk.subarray(from - at, edit.start - at);
    if (edit.start >= at) yield typeof edit.text === 'string' ? Buffer.from(edit.text) : edit.text;
    from = Math.min(edit.end, end);
  }
  if (from < end) yield from === at ? chunk : chunk.subarray(from - at);
}

function lengthOf({ text }: Edit): number {
  return typeof text === 'string' ? Buffer.byteLength(text) : text.length;
}

function tooLarge(limitBytes: number): AppError {
  return new AppError('PAYLOAD_TOO_LARGE', `A form may have at most ${limitBytes} bytes.`, {
    details: { limitBytes },
  });
}

function noMemory(): AppError {
  return new AppError(
    'DEPENDENCY_UNAVAILABLE',
    'Too many uploads are being read right now. Try again shortly; "model" in front of the file helps.',
    { message: 'the memory of uploads is used up', retryAfterSeconds: 1 },
  );
}

function cutOff(cause: unknown): AppError {
  return new AppError('INVALID_REQUEST', 'The request body broke off.', { cause });
}
