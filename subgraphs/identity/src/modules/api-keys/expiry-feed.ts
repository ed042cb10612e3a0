import type { InternalIdentity } from '@weir/contracts/internal-identity';
import type { Signal } from '@weir/contracts/signals';
import { createEventQueue, type EventQueue } from '@weir/graphql/event-queue';
import type { Clock } from '@weir/kernel/clock';
import { AppError } from '@weir/kernel/errors';
import type { Uuid } from '@weir/kernel/ids';
import type { Logger } from '@weir/service/logger';
import { isWithin, type Account } from '../accounts/account.ts';
import type { ApiKey } from './api-key.ts';

/** A key that is about to expire, and where it hangs. */
export interface ExpiringKey {
  readonly apiKey: ApiKey;
  readonly account: Account;
}

/** Where the feed reads what a signal only points to. */
export interface ExpirySource {
  find(organizationId: Uuid, apiKeyId: Uuid): Promise<ExpiringKey | undefined>;
  /** What was told since an instant, in that order. */
  toldSince(organizationId: Uuid, since: Date): Promise<readonly ExpiringKey[]>;
}

/** Keys as their expiry is told, for everybody in this process who watches an organization. */
export interface ExpiryFeed {
  /** @param within Only keys of this account and below; undefined for the whole organization. */
  subscribe(
    actor: InternalIdentity['actor'],
    organizationId: Uuid,
    within: Account | undefined,
  ): EventQueue<ApiKey>;
  onExpiry(signal: Signal<'expiry'>): Promise<void>;
  /** Ends the streams of a session that is over or of a person whose rights changed; they subscribe again if they may. */
  onSession(signal: Signal<'session'>): void;
  /** Signals may be missed from now on. */
  onDisconnected(): void;
  /** Tells what was missed; what was told just before may be told again. */
  onConnected(): Promise<void>;
}

interface Subscriber {
  readonly actor: InternalIdentity['actor'];
  readonly organizationId: Uuid;
  readonly within: Account | undefined;
  readonly queue: EventQueue<ApiKey>;
}

const QUEUE_CAPACITY = 200;
/** A connection may be dead for this long before anybody notices. */
const UNNOTICED_MS = 10_000;

export function createExpiryFeed(deps: {
  readonly source: ExpirySource;
  readonly clock: Clock;
  readonly log: Logger;
}): ExpiryFeed {
  const { source, clock, log } = deps;
  const subscribers = new Set<Subscriber>();
  let missedSince: Date | undefined;

  const watching = (organizationId: string) =>
    [...subscribers].filter((subscriber) => subscriber.organizationId === organizationId);
  const tell = ({ apiKey, account }: ExpiringKey): void => {
    for (const { within, queue } of watching(apiKey.organizationId)) {
      if (within === undefined || isWithin(account, within)) queue.push(apiKey);
    }
  };

  return {
    subscribe(actor, organizationId, within) {
      const queue = createEventQueue<ApiKey>({
        capacity: QUEUE_CAPACITY,
        onClose: () => subscribers.delete(subscriber),
      });
      const subscriber = { actor, organizationId, within, queue };
      subscribers.add(subscriber);
      return queue;
    },
    async onExpiry({ organizationId, apiKeyId }) {
      const [first] = watching(organizationId);
      if (!first) return;
      try {
        const found = await source.find(first.organizationId, apiKeyId as Uuid);
        if (found) tell(found);
      } catch (err) {
        log.warn({ err }, 'a key that is about to expire could not be read');
      }
    },
    onSession({ sessionId, userId }) {
      for (const { actor, queue } of [...subscribers]) {
        if (actor.type !== 'user') continue;
        if (sessionId === null ? actor.userId !== userId : actor.sessionId !== sessionId) continue;
        queue.fail(
          new AppError('UNAUTHENTICATED', 'The session is over or its rights changed; sign in again.'),
        );
      }
    },
    onDisconnected() {
      missedSince ??= new Date(clock.now() - UNNOTICED_MS);
    },
    async onConnected() {
      const since = missedSince;
      if (since === undefined) return;
      const organizations = new Set([...subscribers].map(({ organizationId }) => organizationId));
      for (const organizationId of organizations) {
        for (const key of await source.toldSince(organizationId, since)) tell(key);
      }
      missedSince = undefined;
    },
  };
}
