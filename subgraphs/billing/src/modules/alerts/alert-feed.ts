import type { InternalIdentity } from '@weir/contracts/internal-identity';
import type { Signal } from '@weir/contracts/signals';
import { AppError } from '@weir/kernel/errors';
import type { Uuid } from '@weir/kernel/ids';
import type { Logger } from '@weir/service/logger';
import { createAlertStream, type AlertStream } from './alert-stream.ts';
import { openTopic, type AlertSource, type AlertTopic } from './alert-topic.ts';

/** Alerts as they are raised, for everybody in this process who watches an organization. */
export interface AlertFeed {
  /** @param after The position after which to begin; from now on without one. */
  subscribe(
    actor: InternalIdentity['actor'],
    organizationId: Uuid,
    after: bigint | undefined,
  ): Promise<AlertStream>;
  onAlert(signal: Signal<'alert'>): void;
  /** Ends the streams of a session that is over or of a person whose rights changed; they subscribe again if they may. */
  onSession(signal: Signal<'session'>): void;
  /** Signals may have been missed: reads what was raised since, for every organization that is watched. */
  catchUp(): Promise<void>;
  subscribers(): number;
}

interface Subscriber {
  readonly actor: InternalIdentity['actor'];
  readonly stream: AlertStream;
}

function isEnded(actor: InternalIdentity['actor'], { sessionId, userId }: Signal<'session'>): boolean {
  if (actor.type !== 'user') return false;
  return sessionId === null ? actor.userId === userId : actor.sessionId === sessionId;
}

export function createAlertFeed({ source, log }: { source: AlertSource; log: Logger }): AlertFeed {
  const topics = new Map<string, Promise<AlertTopic>>();
  const subscribers = new Set<Subscriber>();

  const topicOf = (organizationId: Uuid): Promise<AlertTopic> => {
    const known = topics.get(organizationId);
    if (known) return known;
    const opening = openTopic(organizationId, source, (err) =>
      log.warn({ err, organizationId }, 'alerts could not be read'),
    );
    topics.set(organizationId, opening);
    opening.catch(() => topics.delete(organizationId));
    return opening;
  };
  /** A topic without watchers would only grow stale. */
  const release = (organizationId: Uuid, topic: AlertTopic): void => {
    if (!topic.isWatched()) topics.delete(organizationId);
  };

  return {
    async subscribe(actor, organizationId, after) {
      const from = after ?? (await source.latest(organizationId));
      for (;;) {
        const opening = topicOf(organizationId);
        const topic = await opening;
        // Its last watcher may have left while we waited: nobody would refresh it for us.
        if (topics.get(organizationId) !== opening) continue;
        const stream = createAlertStream(organizationId, topic, source, from, () => {
          subscribers.delete(subscriber);
          release(organizationId, topic);
        });
        const subscriber = { actor, stream };
        subscribers.add(subscriber);
        // Whoever comes while the topic is behind is not to wait for the next signal.
        void topic.refresh();
        return stream;
      }
    },
    onAlert({ organizationId }) {
      void topics.get(organizationId)?.then((topic) => topic.refresh());
    },
    onSession(signal) {
      for (const { actor, stream } of [...subscribers]) {
        if (isEnded(actor, signal)) {
          stream.fail(
            new AppError('UNAUTHENTICATED', 'The session is over or its rights changed; sign in again.'),
          );
        }
      }
    },
    async catchUp() {
      const refresh = async (opening: Promise<AlertTopic>): Promise<void> => {
        // A topic that could not be opened is its subscriber's failure, and gone from the list.
        const topic = await opening.catch(() => undefined);
        await topic?.refresh();
      };
      await Promise.all([...topics.values()].map(refresh));
    },
    subscribers: () => subscribers.size,
  };
}
