import type { RunningSubscription } from '@weir/graphql/running-subscriptions';
import { systemClock } from '@weir/kernel/clock';
import { toAppError, type AppError } from '@weir/kernel/errors';
import type { Actor, Authenticator } from '../auth/authenticator.ts';
import type { Credential } from '../auth/credential.ts';
import { lastWord, type EventResult } from './event-result.ts';

/** One client's socket after `connection_init`. */
export interface SocketSession {
  /**
   * Who the socket's credential stands for now. While nobody can tell, who it stood for last.
   * @throws AppError after it has revoked the session, when the credential is not accepted any more.
   */
  actor(): Promise<Actor>;
  readonly subscriptions: Set<RunningSubscription<EventResult>>;
  dispose(): void;
}

export interface SocketSessionOptions {
  readonly credential: Credential;
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
 * Watches a socket's credential: it is checked again when it expires and before each event, so that signing out,
 * suspending and revoking end what is already running. Ending means a last word on every subscription, then 4403.
 */
export function createSocketSession(options: SocketSessionOptions): SocketSession {
  const { credential, authenticator, close } = options;
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
      known = await authenticator.authenticate(credential);
      watch();
    } catch (error) {
      revoke(toAppError(error));
    }
  };
  watch();

  return {
    async actor() {
      try {
        known = await authenticator.authenticate(credential);
      } catch (error) {
        const reason = toAppError(error);
        if (reason.spec.status === 401) {
          revoke(reason);
          throw reason;
        }
      }
      return known;
    },
    subscriptions,
    dispose: () => clearTimeout(timer),
  };
}
