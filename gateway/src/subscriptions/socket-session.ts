import type { RunningSubscription } from '@weir/graphql/running-subscriptions';
import { systemClock } from '@weir/kernel/clock';
import { toAppError, type AppError } from '@weir/kernel/errors';
import type { Actor, Authenticator } from '../auth/authenticator.ts';
import type { PresentedFrom } from '@weir/contracts/internal-identity';
import type { Signal } from '@weir/contracts/signals';
import type { Credential } from '../auth/credential.ts';
import { lastWord, type EventResult } from './event-result.ts';

/** One client's socket after `connection_init`. */
export interface SocketSession {
  /**
   * Who the socket's credential stands for now. While nobody can tell, who it stood for last.
   * @throws AppError after it has revoked the session, when the credential is not accepted any more.
   */
  actor(): Promise<Actor>;
  /** The same for an operation that the client has just begun, which is a use of its session. */
  beginAs(): Promise<Actor>;
  /** Whether a signal is about whoever has opened the socket. */
  isOf(signal: Signal<'session'>): boolean;
  readonly subscriptions: Set<RunningSubscription<EventResult>>;
  dispose(): void;
}

export interface SocketSessionOptions {
  readonly credential: Credential;
  /** What opened the socket. */
  readonly from: PresentedFrom;
  readonly actor: Actor;
  readonly authenticator: Authenticator;
  close(code: number, reason: string): void;
}

/** Timers cannot wait longer. */
const TIMER_MAX_MS = 2 ** 31 - 1;
const FORBIDDEN = 4403;
/** A close frame carries at most 123 bytes of reason. */
const REASON_MAX = 120;

/**
 * Watches a socket's credential: it is checked again when it expires, when a signal tells of its session, and before
 * each event, so that signing out, suspending and revoking end what is already running. Ending means a last word on every subscription, then 4403.
 */
export function createSocketSession(options: SocketSessionOptions): SocketSession {
  const { credential, from, authenticator, close } = options;
  const subscriptions = new Set<RunningSubscription<EventResult>>();
  let known = options.actor;
  let timer: NodeJS.Timeout | undefined;

  const revoke = (reason: AppError): void => {
    clearTimeout(timer);
    for (const subscription of [...subscriptions]) subscription.end(lastWord(reason));
    // The last words are written in the turns that follow; the close frame must come after them.
    setImmediate(() => close(FORBIDDEN, reason.detail.slice(0, REASON_MAX)));
  };
  const watch = (): void => {
    const remainingMs = known.expiresAtMs - systemClock.now();
    if (remainingMs > TIMER_MAX_MS) return;
    timer = setTimeout(() => void renew(), Math.max(0, remainingMs));
    timer.unref();
  };
  const renew = async (): Promise<void> => {
    try {
      known = await authenticator.recheck(credential, from);
      watch();
    } catch (error) {
      revoke(toAppError(error));
    }
  };
  watch();

  const check = async (authenticate: Authenticator['authenticate']): Promise<Actor> => {
    try {
      known = await authenticate(credential, from);
    } catch (error) {
      const reason = toAppError(error);
      if (reason.spec.status === 401) {
        revoke(reason);
        throw reason;
      }
    }
    return known;
  };

  return {
    actor: () => check(authenticator.recheck),
    beginAs: () => check(authenticator.authenticate),
    isOf({ sessionId, userId }) {
      const { actor } = known;
      if (actor.type !== 'user') return false;
      return sessionId === null ? actor.userId === userId : actor.sessionId === sessionId;
    },
    subscriptions,
    dispose: () => clearTimeout(timer),
  };
}
