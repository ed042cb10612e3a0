import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from './logger.ts';
import { listenOnce, type Session, type SignalHandlers } from './listener-session.ts';

export interface ListenerOptions {
  readonly url: string;
  readonly role?: string;
  readonly applicationName?: string;
  readonly log: Logger;
  readonly on: SignalHandlers;
  /**
   * After every connection, before its first signal is handed over: read what may have been missed. Rejecting ends
   * the connection, and another one is tried.
   */
  readonly onConnected?: (signal: AbortSignal) => Promise<void> | void;
  /** As soon as a connection is lost: from here on nothing cached can be trusted to be fresh. */
  readonly onDisconnected?: () => void;
  /** How often the connection is probed, and how long an answer may take; together they bound an unnoticed loss. */
  readonly probeMs?: number;
}

export interface Listener {
  /** True from the end of `onConnected` until the connection is lost. */
  isConnected(): boolean;
  /** Resolves at once, or when it is connected; rejects when the signal is aborted or the listener stopped. */
  whenConnected(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

const PROBE_MS = 2_000;
const BACKOFF_FIRST_MS = 50;
const BACKOFF_LAST_MS = 5_000;

/**
 * Listens to Postgres notifications on a connection of its own, and connects again for ever, with growing jittered
 * pauses. Starts at once; there is nothing to await, because a process has to live without signals anyway.
 */
export function createListener(options: ListenerOptions): Listener {
  const stopping = new AbortController();
  const arrivals = new EventTarget();
  let connected = false;

  const session: Session = {
    url: options.url,
    role: options.role,
    applicationName: options.applicationName ?? 'weir-listener',
    log: options.log,
    on: options.on,
    probeMs: options.probeMs ?? PROBE_MS,
    onConnected: async (signal) => {
      await options.onConnected?.(signal);
    },
    onFlowing: () => {
      connected = true;
      arrivals.dispatchEvent(new Event('connected'));
    },
  };

  async function run(): Promise<void> {
    let failures = 0;
    while (!stopping.signal.aborted) {
      const reason = await listenOnce(session, stopping.signal);
      failures = connected ? 0 : failures + 1;
      if (connected) {
        connected = false;
        options.onDisconnected?.();
      }
      if (stopping.signal.aborted) return;
      const pauseMs = backoffMs(failures);
      options.log.warn({ err: reason, pauseMs }, 'not listening to database signals');
      await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  const running = run();
  return {
    isConnected: () => connected,
    async whenConnected(signal) {
      const ended = AbortSignal.any([signal, stopping.signal]);
      ended.throwIfAborted();
      if (!connected) await once(arrivals, 'connected', { signal: ended });
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** Half to all of a pause that doubles, so that many processes do not return to a restarted server in step. */
function backoffMs(failures: number): number {
  const full = Math.min(BACKOFF_LAST_MS, BACKOFF_FIRST_MS * 2 ** Math.min(failures, 10));
  return Math.round(full * (0.5 + Math.random() / 2));
}
