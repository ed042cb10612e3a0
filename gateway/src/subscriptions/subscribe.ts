import type { FormattedExecutionResult } from 'graphql';
import type { EventQueue } from '@weir/graphql/event-queue';
import { mapEvents } from '@weir/graphql/map-events';
import type { OperationMetrics } from '@weir/graphql/operation-metrics';
import type { RunningSubscription, RunningSubscriptions } from '@weir/graphql/running-subscriptions';
import type { ContextFactory, Origin } from '../context.ts';
import { toEventResult, type EventResult } from './event-result.ts';
import type { createEventResolver, PlannedSubscription } from './resolve-event.ts';
import type { SocketSession } from './socket-session.ts';
import type { EventSource } from './source.ts';

export interface SubscribeOptions {
  readonly source: EventSource;
  readonly resolveEvent: ReturnType<typeof createEventResolver>;
  readonly createContext: ContextFactory;
  readonly running: RunningSubscriptions<EventResult>;
  readonly metrics: OperationMetrics;
}

export type Subscribe = (
  subscription: PlannedSubscription,
  session: SocketSession,
  origin: Origin,
) => Promise<RunningSubscription<EventResult>>;

/** Only what the owner's part of the operation mentions; the rest is nobody's business there. */
function variablesOf({ plan, variables }: PlannedSubscription): Record<string, unknown> {
  const used = plan.primary.variableUsages ?? [];
  return Object.fromEntries(
    used.filter((name) => Object.hasOwn(variables, name)).map((name) => [name, variables[name]]),
  );
}

/**
 * Runs a planned subscription: streams from the owner and completes each event from the other subgraphs, as the actor
 * of that moment. Nothing read for one event serves another.
 */
export function createSubscribe(options: SubscribeOptions): Subscribe {
  const { source, resolveEvent, createContext, running, metrics } = options;

  async function open(
    subscription: PlannedSubscription,
    session: SocketSession,
    origin: Origin,
    signal: AbortSignal,
  ) {
    const context = createContext(await session.actor(), origin, signal);
    const { primary } = subscription.plan;
    return source.open({
      subgraph: primary.serviceName,
      query: primary.operation,
      operationName: primary.operationName,
      variables: variablesOf(subscription),
      identityToken: await context.identityToken(),
    });
  }

  return async (subscription, session, origin) => {
    const left = new AbortController();
    const events: EventQueue<FormattedExecutionResult> = await open(
      subscription,
      session,
      origin,
      left.signal,
    );
    const complete = async (event: FormattedExecutionResult): Promise<EventResult> => {
      const context = createContext(await session.actor(), origin, left.signal);
      metrics.eventSent();
      // Without data there is nothing to complete: the owner has refused, failed or ended.
      if (event.data === undefined || event.data === null) return toEventResult(event, context);
      return toEventResult(await resolveEvent(subscription, event, context), context);
    };
    metrics.subscriptionOpened();
    const stream = running.run(mapEvents(events, complete), () => {
      left.abort();
      session.subscriptions.delete(stream);
      metrics.subscriptionClosed();
    });
    session.subscriptions.add(stream);
    return stream;
  };
}
