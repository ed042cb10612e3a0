import type { Server as HttpServer } from 'node:http';
import type { GraphQLDataSource } from '@apollo/gateway';
import type { Signal } from '@weir/contracts/signals';
import type { OperationMetrics } from '@weir/graphql/operation-metrics';
import { createRunningSubscriptions } from '@weir/graphql/running-subscriptions';
import type { Logger } from '@weir/service/logger';
import type { Authenticator } from '../auth/authenticator.ts';
import type { Browser } from '../auth/browser.ts';
import type { Config } from '../config.ts';
import type { ContextFactory } from '../context.ts';
import { clientAddress } from '../http/client-address.ts';
import type { RegisteredOperations } from '../operations/registered-operations.ts';
import { endpointOf } from '../supergraph/supergraph.ts';
import type { EventResult } from './event-result.ts';
import { createSubscriptionParser } from './parse-subscription.ts';
import { createSubscriptionPlanner } from './plan.ts';
import { createEventResolver } from './resolve-event.ts';
import { createSubscriptionServer } from './server.ts';
import { createEventSource } from './source.ts';
import { createSubscribe } from './subscribe.ts';

export interface SubscriptionsOptions {
  readonly config: Config;
  readonly httpServer: HttpServer;
  readonly supergraphSdl: string;
  readonly dataSources: Readonly<Record<string, GraphQLDataSource>>;
  readonly authenticator: Authenticator;
  readonly browser: Browser;
  readonly createContext: ContextFactory;
  readonly registered: RegisteredOperations | undefined;
  readonly metrics: OperationMetrics;
  readonly log: Logger;
}

export interface Subscriptions {
  /** Asks again about the sockets that a signal concerns, or about all; those of ended sessions are closed. */
  recheck(signal?: Signal<'session'>): void;
  /** Refuses new sockets, tells every subscriber, closes the sockets of both sides. */
  stop(signal: AbortSignal): Promise<void>;
}

/** Puts the parts of the subscription side together. */
export function createSubscriptions(options: SubscriptionsOptions): Subscriptions {
  const { config, authenticator, createContext, metrics, log } = options;
  const planner = createSubscriptionPlanner(options.supergraphSdl);
  const running = createRunningSubscriptions<EventResult>();
  const source = createEventSource({
    urlOf: (subgraph) => endpointOf(subgraph, config.subgraphUrls).href.replace(/^http/, 'ws'),
    log,
    queuedEvents: config.sockets.queuedEvents,
    onDrop: () => metrics.eventDropped(),
  });
  const resolveEvent = createEventResolver(planner, options.dataSources);
  const server = createSubscriptionServer({
    httpServer: options.httpServer,
    authenticator,
    browser: options.browser,
    parseSubscription: createSubscriptionParser(planner, {
      limits: config.limits,
      tokensMax: config.limits.tokens,
      introspection: config.introspection,
      registered: options.registered,
    }),
    subscribe: createSubscribe({ source, resolveEvent, createContext, running, metrics }),
    running,
    maxMessageBytes: config.limits.bodyBytes,
    sockets: config.sockets,
    ipAddressOf: clientAddress(config.trustedProxies),
    log,
  });
  return {
    recheck: (signal) => server.recheck(signal),
    async stop(signal) {
      await server.stop(signal);
      await source.stop();
    },
  };
}
