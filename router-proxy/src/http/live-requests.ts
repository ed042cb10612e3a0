import type { Clock } from '@weir/kernel/clock';
import { AppError } from '@weir/kernel/errors';
import { Roster, type Enrolled } from '@weir/kernel/roster';
import type { Policy } from '../keys/policy.ts';
import type { Lifetime } from './lifetime.ts';

export interface LiveRequest extends Enrolled {
  readonly lifetime: Lifetime;
  /** Unix milliseconds after which it is stopped. */
  readonly deadlineMs: number;
  /** Known once the key is; what running streams are judged by again when it changes. */
  policy: Policy | null;
}

/** The requests in flight: counted, bounded in time, and within reach of whoever has to stop them. */
export interface LiveRequests {
  readonly size: number;
  add(request: LiveRequest): void;
  delete(request: LiveRequest): void;
  /** Key hashes with running requests of an organization; of all when it is null. */
  keyHashes(organizationId: string | null): ReadonlySet<string>;
  stopKey(keyHash: string, error: AppError): void;
  stopAll(error: AppError): void;
  /** Resolves when nothing is in flight, or when the signal is aborted. */
  whenEmpty(signal: AbortSignal): Promise<void>;
  close(): void;
}

/** Deadlines are long and need not be exact, so one slow clock serves all requests instead of a timer each. */
const SWEEP_MS = 500;

export function createLiveRequests(clock: Clock): LiveRequests {
  const requests = new Roster<LiveRequest>();
  let onEmpty: (() => void)[] = [];

  const timer = setInterval(() => {
    const nowMs = clock.now();
    for (const request of requests) {
      if (nowMs >= request.deadlineMs) request.lifetime.end({ kind: 'stopped', error: tooLong() });
    }
  }, SWEEP_MS);
  timer.unref();

  return {
    get size() {
      return requests.size;
    },
    add(request) {
      requests.add(request);
    },
    delete(request) {
      requests.delete(request);
      if (requests.size > 0 || onEmpty.length === 0) return;
      const waiting = onEmpty;
      onEmpty = [];
      for (const resolve of waiting) resolve();
    },
    keyHashes(organizationId) {
      const hashes = new Set<string>();
      for (const { policy } of requests) {
        if (!policy) continue;
        if (organizationId === null || policy.snapshot.organization.id === organizationId)
          hashes.add(policy.keyHash);
      }
      return hashes;
    },
    stopKey(keyHash, error) {
      for (const { policy, lifetime } of requests) {
        if (policy?.keyHash === keyHash) lifetime.end({ kind: 'stopped', error });
      }
    },
    stopAll(error) {
      for (const { lifetime } of requests) lifetime.end({ kind: 'stopped', error });
    },
    async whenEmpty(signal) {
      if (requests.size === 0 || signal.aborted) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      onEmpty.push(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
      await promise;
    },
    close() {
      clearInterval(timer);
    },
  };
}

function tooLong(): AppError {
  return new AppError(
    'UPSTREAM_TIMEOUT',
    'The answer took longer than a request may take. Ask for a shorter one.',
  );
}
