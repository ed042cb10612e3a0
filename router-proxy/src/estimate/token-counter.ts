import { Worker } from 'node:worker_threads';
import type { Logger } from '@weir/service/logger';

/** Counts the tokens of texts for estimates, with OpenAI's current vocabulary (o200k_base). */
export interface TokenCounter {
  /** One number per text. Never fails: what cannot be counted is reckoned by its length. */
  count(texts: readonly string[]): Promise<readonly number[]>;
  stop(): Promise<void>;
}

export interface CountQuestion {
  readonly id: number;
  readonly texts: readonly string[];
}

export interface CountAnswer {
  readonly id: number;
  readonly counts: readonly number[];
}

/** Beyond so many open questions texts are reckoned by their length, so that a wave of them takes no memory. */
const QUESTIONS_MAX = 256;
/** Loading takes a second, and counting one text milliseconds. */
const ANSWER_TIMEOUT_MS = 10_000;
/** How long an unused tokenizer keeps its memory. */
const IDLE_MS = 600_000;
/** How many bytes of text one token usually stands for. */
const BYTES_PER_TOKEN = 4;
/** The vocabulary takes some 80 MB. */
const HEAP_MB_MAX = 256;

interface Open {
  readonly texts: readonly string[];
  resolve(counts: readonly number[]): void;
}

/**
 * The vocabulary is large and counting takes the processor for milliseconds, so both are left to a thread that starts
 * with the first question and ends when nobody has asked for a while.
 */
export function createTokenCounter({ log }: { readonly log: Logger }): TokenCounter {
  const open = new Map<number, Open>();
  let worker: Worker | null = null;
  let lastId = 0;
  let timer: NodeJS.Timeout | undefined;

  /** Whatever is still asked of the thread is reckoned instead. */
  function end(cause?: unknown): Promise<unknown> {
    clearTimeout(timer);
    if (cause !== undefined) log.warn({ err: cause }, 'token counter failed');
    const ended = worker?.terminate();
    worker = null;
    for (const { texts, resolve } of open.values()) resolve(reckon(texts));
    open.clear();
    return Promise.resolve(ended);
  }

  function start(): Worker {
    const started = new Worker(new URL('./token-counter-worker.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
    });
    started.unref();
    started.on('message', ({ id, counts }: CountAnswer) => {
      open.get(id)?.resolve(counts);
      open.delete(id);
      watch();
    });
    for (const event of ['error', 'messageerror'] as const) {
      started.on(event, (cause: unknown) => {
        if (worker === started) void end(cause);
      });
    }
    return started;
  }

  /** One clock for both: an answer that does not come, and a tokenizer that nobody uses. */
  function watch(): void {
    clearTimeout(timer);
    timer = setTimeout(
      () => void end(open.size > 0 ? new Error('no answer in time') : undefined),
      open.size > 0 ? ANSWER_TIMEOUT_MS : IDLE_MS,
    ).unref();
  }

  return {
    async count(texts) {
      if (texts.every((text) => text === '')) return texts.map(() => 0);
      if (open.size >= QUESTIONS_MAX) return reckon(texts);
      const { promise, resolve } = Promise.withResolvers<readonly number[]>();
      const id = ++lastId;
      open.set(id, { texts, resolve });
      worker ??= start();
      worker.postMessage({ id, texts } satisfies CountQuestion);
      if (open.size === 1) watch();
      return promise;
    },
    async stop() {
      await end();
    },
  };
}

function reckon(texts: readonly string[]): readonly number[] {
  return texts.map((text) => Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN));
}
