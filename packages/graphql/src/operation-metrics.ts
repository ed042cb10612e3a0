import type { GraphQLFormattedError } from 'graphql';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

export interface OperationMetrics {
  /** Begins to measure; the returned function ends it with the operation's type and the first error's code, or OK. */
  start(): (type: string, outcome: string) => void;
  subscriptionOpened(): void;
  subscriptionClosed(): void;
  eventSent(): void;
  /** A subscriber was too slow and lost its oldest queued event. */
  eventDropped(): void;
}

/** The outcome of an operation: the code of its first error, or OK. */
export function outcomeOf(errors: readonly GraphQLFormattedError[] | undefined): string {
  const code = errors?.[0]?.extensions?.['code'];
  if (errors === undefined || errors.length === 0) return 'OK';
  return typeof code === 'string' ? code : 'INTERNAL';
}

/**
 * Operation names come from clients and are unbounded, so they are no label.
 * @param registry One per process or service; metrics of the same name cannot be registered twice.
 */
export function createOperationMetrics(registry: Registry): OperationMetrics {
  const registers = [registry];
  const duration = new Histogram({
    name: 'weir_graphql_operation_duration_seconds',
    help: 'Time to answer a GraphQL operation over HTTP, by type and by the code of its first error.',
    labelNames: ['type', 'outcome'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const subscriptions = new Gauge({
    name: 'weir_graphql_subscriptions',
    help: 'Subscriptions running now.',
    registers,
  });
  const events = new Counter({
    name: 'weir_graphql_subscription_events_total',
    help: 'Events of subscriptions, sent to a subscriber or dropped because it was too slow.',
    labelNames: ['outcome'],
    registers,
  });
  return {
    start() {
      const stop = duration.startTimer();
      return (type, outcome) => void stop({ type, outcome });
    },
    subscriptionOpened: () => subscriptions.inc(),
    subscriptionClosed: () => subscriptions.dec(),
    eventSent: () => events.inc({ outcome: 'sent' }),
    eventDropped: () => events.inc({ outcome: 'dropped' }),
  };
}
