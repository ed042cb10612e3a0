import { setTimeout as sleep } from 'node:timers/promises';
import { request, type Dispatcher } from 'undici';
import {
  INTERNAL_SECRET_HEADER,
  SESSION_SIGNALS_BEAT_MS,
  SESSION_SIGNALS_PATH,
} from '@weir/contracts/internal-identity';
import { signalSchemas, type Signal } from '@weir/contracts/signals';
import type { Logger } from '@weir/service/logger';

export interface SessionSignalsOptions {
  readonly identityUrl: string;
  readonly internalSecret: string;
  readonly dispatcher: Dispatcher;
  readonly log: Logger;
  /** A session is over, or a person has other rights than before. */
  onSignal(signal: Signal<'session'>): void;
  /** The stream begins: signals may have been missed until now. */
  onBegin(): void;
  /** No signal comes until the stream begins anew. Called every second meanwhile. */
  onSilence(): void;
}

const RETRY_MS = 250;
const SILENCE_MS = 1_000;
const LINE_LENGTH_MAX = 4_096;
/** Three signs of life are missing: nobody is there. */
const DEAD_MS = 3 * SESSION_SIGNALS_BEAT_MS;

/** Lines of a stream; throws when one is longer than any signal. */
async function* linesOf(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LINE_LENGTH_MAX) throw new Error('a session signal is too long');
    yield* lines.filter((line) => line !== '');
  }
}

/**
 * Hears from the identity service which sessions are over, for as long as the gateway runs. It only makes things
 * faster: what the gateway believes of a credential is short-lived without it, too. Returns what stops it.
 */
export function hearSessionSignals(options: SessionSignalsOptions): () => Promise<void> {
  const { dispatcher, log, onSignal, onBegin, onSilence } = options;
  const url = new URL(SESSION_SIGNALS_PATH, options.identityUrl);
  const stopping = new AbortController();

  async function hearOnce(): Promise<void> {
    const { statusCode, body } = await request(url, {
      headers: { [INTERNAL_SECRET_HEADER]: options.internalSecret },
      dispatcher,
      signal: stopping.signal,
      headersTimeout: DEAD_MS,
      bodyTimeout: DEAD_MS,
    });
    if (statusCode !== 200) {
      await body.dump();
      throw new Error(`the identity service answered ${statusCode}`);
    }
    log.debug('hearing session signals');
    onBegin();
    for await (const line of linesOf(body)) onSignal(signalSchemas.session.parse(JSON.parse(line)));
  }

  async function run(): Promise<void> {
    let silentSinceMs = Date.now();
    while (!stopping.signal.aborted) {
      await hearOnce().catch((err: unknown) => log.debug({ err }, 'not hearing session signals'));
      if (stopping.signal.aborted) return;
      if (Date.now() - silentSinceMs >= SILENCE_MS) {
        silentSinceMs = Date.now();
        onSilence();
      }
      await sleep(RETRY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  const running = run();
  return async () => {
    stopping.abort();
    await running;
  };
}
