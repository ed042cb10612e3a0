import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@weir/kernel/errors';
import type { AdminServer } from '@weir/service/admin-server';
import type { Logger } from '@weir/service/logger';
import type { LiveRequests } from './http/live-requests.ts';

/** The way out: ready no more, new requests refused, running ones finished, the rest told and ended. */
export interface Drain {
  /** What new requests are told once it runs; null before. */
  refusal(): AppError | null;
  run(signal: AbortSignal): Promise<void>;
}

export interface DrainOptions {
  readonly admin: Pick<AdminServer, 'drain'>;
  readonly live: LiveRequests;
  readonly graceMs: number;
  readonly log: Logger;
}

/** For the last words of streams that are ended. */
const LAST_WORDS_MS = 1_000;

export function createDrain({ admin, live, graceMs, log }: DrainOptions): Drain {
  let isDraining = false;
  return {
    refusal: () => (isDraining ? stopping() : null),
    async run(signal) {
      isDraining = true;
      admin.drain();
      const grace = new AbortController();
      await Promise.race([
        live.whenEmpty(AbortSignal.any([signal, grace.signal])),
        sleep(graceMs, undefined, { signal: grace.signal, ref: true }).catch(() => undefined),
      ]);
      grace.abort();
      if (live.size === 0) return;
      log.warn({ requests: live.size }, 'ending requests that did not finish within the grace');
      live.stopAll(stopping());
      await live.whenEmpty(AbortSignal.timeout(LAST_WORDS_MS));
    },
  };
}

function stopping(): AppError {
  return new AppError(
    'SHUTTING_DOWN',
    'This proxy is stopping. Send the request again; another one will take it.',
    {
      retryAfterSeconds: 1,
    },
  );
}
