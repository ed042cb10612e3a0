import type { Server as HttpServer } from 'node:http';
import { GraphQLError, type ExecutionArgs } from 'graphql';
import type { Context } from 'graphql-ws';
import type { Signal } from '@weir/contracts/signals';
import { AppError, toAppError } from '@weir/kernel/errors';
import { requireSignedIn } from '@weir/graphql/authorization';
import { appErrorBehind, toGraphQLError } from '@weir/graphql/format-error';
import type { RunningSubscriptions } from '@weir/graphql/running-subscriptions';
import {
  attachSocketServer,
  type SocketExtra,
  type SocketProtocol,
  type SocketServer,
} from '@weir/graphql/socket-server';
import { GRAPHQL_PATH } from '@weir/graphql/subgraph-server';
import type { Logger } from '@weir/service/logger';
import type { Authenticator } from '../auth/authenticator.ts';
import type { Browser } from '../auth/browser.ts';
import { logMasked, publicError } from '../errors/public-error.ts';
import { originOf } from '../http/origin.ts';
import { createActorSockets } from './actor-sockets.ts';
import { lastWord, type EventResult } from './event-result.ts';
import type { createSubscriptionParser } from './parse-subscription.ts';
import type { PlannedSubscription } from './resolve-event.ts';
import { createSocketSession, type SocketSession } from './socket-session.ts';
import type { Subscribe } from './subscribe.ts';

export interface SubscriptionServerOptions {
  readonly httpServer: HttpServer;
  readonly authenticator: Authenticator;
  readonly browser: Browser;
  readonly parseSubscription: ReturnType<typeof createSubscriptionParser>;
  readonly subscribe: Subscribe;
  readonly running: RunningSubscriptions<EventResult>;
  readonly maxMessageBytes: number;
  readonly sockets: {
    readonly total: number;
    readonly perActor: number;
    readonly subscriptionsPerSocket: number;
  };
  /** The address that a request came from, through trusted proxies. */
  ipAddressOf(request: SocketExtra['request']): string | undefined;
  readonly log: Logger;
}

export interface SubscriptionServer extends SocketServer {
  /** Asks again about the sockets that a signal concerns, or about all; those of ended sessions are closed. */
  recheck(signal?: Signal<'session'>): void;
}

type SocketContext = Context<Record<string, unknown>, SocketExtra>;

const KEEP_ALIVE_MS = 12_000;
const FORBIDDEN = 4403;
const TRY_AGAIN_LATER = 1013;
const REASON_MAX = 120;

/** graphql-ws wants GraphQLErrors; everything that is thrown on the way to a subscription becomes one. */
function asGraphQLErrors(error: unknown): readonly GraphQLError[] {
  return [error instanceof GraphQLError ? error : toGraphQLError(appErrorBehind(error))];
}

/** Subscriptions of clients: graphql-ws on the path of the HTTP endpoint, authenticated by `connectionParams` or the upgrade. */
export function createSubscriptionServer(options: SubscriptionServerOptions): SubscriptionServer {
  const { authenticator, parseSubscription, subscribe, running, sockets, log } = options;
  const sessions = new Map<SocketContext, SocketSession>();
  const planned = new WeakMap<
    ExecutionArgs,
    { readonly subscription: PlannedSubscription; readonly ctx: SocketContext }
  >();
  const actorSockets = createActorSockets(sockets.perActor);
  const releases = new WeakMap<SocketContext, () => void>();
  // A socket may close while its credential is being checked; what is claimed for it then would never be released.
  const closed = new WeakSet<SocketContext>();

  async function connect(ctx: SocketContext): Promise<void> {
    const { request, close } = ctx.extra;
    const { credential } = options.browser.ofSocket(ctx.connectionParams, request.headers);
    const from = originOf(request.headers, options.ipAddressOf(request));
    const actor = await authenticator.authenticate(credential, from);
    if (closed.has(ctx)) return;
    releases.set(ctx, actorSockets.claim(actor));
    sessions.set(ctx, createSocketSession({ credential, from, actor, authenticator, close }));
  }

  const protocol: SocketProtocol = {
    async onConnect(ctx) {
      try {
        await connect(ctx);
        return true;
      } catch (error) {
        const reason = toAppError(error);
        const isTemporary = reason.spec.kind === 'platform';
        ctx.extra.close(isTemporary ? TRY_AGAIN_LATER : FORBIDDEN, reason.detail.slice(0, REASON_MAX));
        return false;
      }
    },
    async onSubscribe(ctx, _id, payload) {
      try {
        const session = sessions.get(ctx);
        if (session === undefined) throw new Error('a subscription on a socket without a session');
        if (Object.keys(ctx.subscriptions).length > sockets.subscriptionsPerSocket) {
          throw new AppError(
            'RATE_LIMITED',
            `One socket carries at most ${sockets.subscriptionsPerSocket} subscriptions.`,
          );
        }
        requireSignedIn({ actor: (await session.beginAs()).actor });
        const { query, operationName, variables } = payload;
        const parsed = parseSubscription({
          query,
          operationName: operationName ?? undefined,
          variables: variables ?? {},
        });
        if (!('subscription' in parsed)) return parsed;
        const args: ExecutionArgs = { schema: parsed.schema, document: parsed.document, operationName };
        planned.set(args, { subscription: parsed.subscription, ctx });
        return args;
      } catch (error) {
        return asGraphQLErrors(error);
      }
    },
    async subscribe(args) {
      const entry = planned.get(args);
      const session = entry === undefined ? undefined : sessions.get(entry.ctx);
      if (entry === undefined || session === undefined)
        throw new Error('a subscription that was not planned');
      const { request } = entry.ctx.extra;
      const origin = originOf(request.headers, options.ipAddressOf(request));
      try {
        return await subscribe(entry.subscription, session, origin);
      } catch (error) {
        // The session may have ended since the subscription was accepted; that is an answer and no failure of ours.
        return { errors: asGraphQLErrors(error) };
      }
    },
    onError(_ctx, _id, _payload, errors) {
      return errors.map((error) => {
        logMasked(error, log);
        return publicError(error.toJSON(), error);
      });
    },
    onClose(ctx) {
      closed.add(ctx);
      sessions.get(ctx)?.dispose();
      sessions.delete(ctx);
      releases.get(ctx)?.();
    },
  };

  const socketServer = attachSocketServer({
    httpServer: options.httpServer,
    path: GRAPHQL_PATH,
    protocol,
    log,
    maxSockets: sockets.total,
    maxMessageBytes: options.maxMessageBytes,
    keepAliveMs: KEEP_ALIVE_MS,
    completeSubscriptions: () =>
      running.endAll(
        lastWord(
          new AppError('SHUTTING_DOWN', 'The gateway is stopping. Subscribe again.', {
            retryAfterSeconds: 1,
          }),
        ),
      ),
  });

  return {
    ...socketServer,
    recheck(signal) {
      for (const session of sessions.values()) {
        // A refusal has closed the socket by then; nobody else has to know.
        if (signal === undefined || session.isOf(signal)) session.actor().catch(() => undefined);
      }
    },
  };
}
