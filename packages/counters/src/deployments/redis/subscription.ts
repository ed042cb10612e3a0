import type { Clock } from '@weir/kernel/clock';
import type { RedisClient } from '../../redis/connection.ts';
import type { Entry } from '../entry.ts';
import { readMessage } from './message.ts';

export interface SubscriptionOptions {
  /** Used for nothing else; closed with the subscription. It reconnects by itself. */
  readonly redis: RedisClient;
  readonly channel: string;
  readonly clock: Clock;
  readonly onState: (deployment: string, entry: Entry) => void;
  /** After every connection: what was said before it was not heard. */
  readonly onConnected: () => void;
}

export interface Subscription {
  close(): void;
}

/** Hears of changes as they happen. That a message is lost is allowed for. */
export function createSubscription(options: SubscriptionOptions): Subscription {
  const { redis, channel, clock, onState, onConnected } = options;
  const subscribe = (): void => {
    redis.subscribe(channel).then(onConnected, () => undefined);
  };
  redis.on('ready', subscribe);
  redis.on('message', (from: string, message: string) => {
    const told = from === channel ? readMessage(message, clock.now()) : undefined;
    if (told) onState(told.deployment, told.entry);
  });
  return {
    close() {
      redis.off('ready', subscribe);
      redis.disconnect();
    },
  };
}
