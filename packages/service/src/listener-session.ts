import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { signalSchemas, type Signal, type SignalChannel } from '@weir/contracts/signals';
import type { Logger } from './logger.ts';
import { connectionConfig } from './postgres.ts';

/** What to do about the signals of a channel; called in order, failures are logged. */
export type SignalHandlers = {
  readonly [C in SignalChannel]?: (signal: Signal<C>) => void | Promise<void>;
};

/** One connection's worth of listening. */
export interface Session {
  readonly url: string;
  readonly role: string | undefined;
  readonly applicationName: string;
  readonly log: Logger;
  readonly on: SignalHandlers;
  readonly probeMs: number;
  onConnected(signal: AbortSignal): Promise<void>;
  /** Signals are handed over from now on. */
  onFlowing(): void;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** Signals kept while `onConnected` runs; one more ends the connection, and the next one catches up from scratch. */
const WAITING_MAX = 10_000;

/** Connects, listens and hands signals over until the connection is lost or the signal aborted; says why. */
export async function listenOnce(session: Session, stopping: AbortSignal): Promise<unknown> {
  const socket = new Socket();
  const client = new pg.Client({
    ...connectionConfig({
      url: session.url,
      applicationName: session.applicationName,
      ...(session.role === undefined ? {} : { role: session.role }),
    }),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    // A query on a socket whose other end vanished would otherwise wait for the kernel's many minutes.
    query_timeout: session.probeMs,
    // Our own socket, because only destroying it ends a connection whose other end does not answer.
    stream: () => socket,
  });
  const lost = new AbortController();
  const fail = (reason: unknown): void => {
    lost.abort(reason);
  };
  client.on('error', fail);
  client.on('end', () => {
    fail(new Error('the database closed the connection'));
  });
  const ended = AbortSignal.any([stopping, lost.signal]);
  ended.addEventListener('abort', () => socket.destroy(), { once: true });
  try {
    stopping.throwIfAborted();
    const inbox = createInbox(session, fail);
    client.on('notification', inbox.receive);
    await client.connect();
    for (const channel of Object.keys(session.on))
      await client.query(`listen ${pg.escapeIdentifier(channel)}`);
    await untilEnded(session.onConnected(ended), ended);
    session.onFlowing();
    inbox.open();
    await probe(client, session.probeMs, ended);
    return ended.reason;
  } catch (reason) {
    return lost.signal.aborted ? lost.signal.reason : reason;
  } finally {
    socket.destroy();
  }
}

/** Rejects as soon as the connection is over, so that nobody waits for a catch-up that serves no connection. */
async function untilEnded(work: Promise<void>, ended: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onEnd = (): void => {
    reject(ended.reason as Error);
  };
  if (ended.aborted) onEnd();
  ended.addEventListener('abort', onEnd, { once: true });
  try {
    await Promise.race([work, promise]);
  } finally {
    ended.removeEventListener('abort', onEnd);
  }
}

/** Asks the server for a sign of life, one question after the other; rejects when an answer fails to come. */
async function probe(client: pg.Client, probeMs: number, ended: AbortSignal): Promise<void> {
  while (!ended.aborted) {
    await sleep(probeMs, undefined, { signal: ended }).catch(() => undefined);
    if (!ended.aborted) await client.query('select 1');
  }
}

/** Keeps signals back until the owner has caught up, then hands them over in order. */
function createInbox({ on, log }: Session, overflow: (reason: unknown) => void) {
  let waiting: pg.Notification[] | undefined = [];
  const deliver = (message: pg.Notification): void => {
    handOver(message, on, log);
  };
  return {
    receive: (message: pg.Notification): void => {
      if (!waiting) deliver(message);
      else if (waiting.push(message) > WAITING_MAX) overflow(new Error('too many signals while catching up'));
    },
    open: (): void => {
      const kept = waiting ?? [];
      waiting = undefined;
      kept.forEach(deliver);
    },
  };
}

function handOver({ channel, payload = '' }: pg.Notification, on: SignalHandlers, log: Logger): void {
  if (!isChannel(channel)) return;
  const deliver = dispatchers[channel];
  try {
    void Promise.resolve(deliver(on, payload)).catch((err: unknown) => {
      log.error({ err, channel }, 'signal handler failed');
    });
  } catch (err) {
    log.error({ err, channel }, 'signal could not be handed over');
  }
}

type Dispatch = (on: SignalHandlers, payload: string) => void | Promise<void>;

/** Written out because only then does the compiler know that a channel's schema and handler belong together. */
const dispatchers: Readonly<Record<SignalChannel, Dispatch>> = {
  policy: (on, payload) => on.policy?.(signalSchemas.policy.parse(JSON.parse(payload))),
  ledger: (on, payload) => on.ledger?.(signalSchemas.ledger.parse(JSON.parse(payload))),
  alert: (on, payload) => on.alert?.(signalSchemas.alert.parse(JSON.parse(payload))),
  expiry: (on, payload) => on.expiry?.(signalSchemas.expiry.parse(JSON.parse(payload))),
  session: (on, payload) => on.session?.(signalSchemas.session.parse(JSON.parse(payload))),
  mail: (on, payload) => on.mail?.(signalSchemas.mail.parse(JSON.parse(payload))),
  config: (on, payload) => on.config?.(signalSchemas.config.parse(JSON.parse(payload))),
};

function isChannel(name: string): name is SignalChannel {
  return Object.hasOwn(signalSchemas, name);
}
