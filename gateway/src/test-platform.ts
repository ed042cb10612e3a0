import { createEventQueue, type EventQueue } from '@weir/graphql/event-queue';
import { internalOnly } from '@weir/graphql/internal-only';
import { loadTypeDefs } from '@weir/graphql/sdl';
import type { OperationContext } from '@weir/graphql/subgraph-context';
import { startSubgraph } from '@weir/graphql/subgraph-server';
import { authorize, canSee, requireSignedIn } from '@weir/graphql/authorization';
import {
  SESSION_SIGNALS_BEAT_MS,
  SESSION_SIGNALS_PATH,
  type Authenticated,
} from '@weir/contracts/internal-identity';
import type { Signal } from '@weir/contracts/signals';
import { AppError } from '@weir/kernel/errors';
import { newUuid, parseUuid, type Uuid } from '@weir/kernel/ids';
import { loadConfig } from '@weir/service/config';
import { createLogger } from '@weir/service/logger';
import type { Running } from '@weir/service/running';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { parse } from 'graphql';
import { createMetrics } from '@weir/service/metrics';
import { configSchema } from './config.ts';
import { start } from './start.ts';
import { composeSubgraphs } from './supergraph/composition.ts';

/** Two small subgraphs of the real shell behind the real gateway, for tests: one owns organizations, one owns alerts. */

export interface Alert {
  readonly id: string;
  readonly organizationId: Uuid;
  readonly note: string;
}

export interface TestPlatform {
  readonly url: string;
  readonly socketUrl: string;
  readonly adminUrl: string;
  /** Credentials that the identity subgraph accepts, and who they stand for. */
  readonly actors: Map<string, Authenticated>;
  /** Organizations by id. One whose name is `broken` fails to load. */
  readonly organizations: Map<Uuid, string>;
  /** Headers of every request that reached the alerts subgraph. */
  readonly seenHeaders: IncomingHttpHeaders[];
  /** Tells the gateway of a session, as the identity service does. */
  signal(signal: Signal<'session'>): void;
  /** Ends the stream that tells of sessions; the gateway opens another. */
  endSignals(): void;
  /** How often the identity subgraph was asked to authenticate. */
  authentications(): number;
  raise(alert: Alert): void;
  /** Queries for `wait`, which the alerts subgraph answers when it learns that nobody waits any more. */
  waitingQueries(): number;
  /** Streams that the alerts subgraph feeds now. */
  openStreams(): number;
  stopAlerts(): Promise<void>;
  stopGateway(): Promise<void>;
  stop(): Promise<void>;
}

const SECRET = 'a secret between the services of a test';
const LOCAL = { host: '127.0.0.1', port: 0, adminHost: '127.0.0.1', adminPort: 0, version: 'test' } as const;
const log = createLogger({ service: 'test', level: 'silent' });

const IDENTITY_SDL = /* GraphQL */ `
  extend type Query {
    viewerName: String
    organization(id: ID!): Organization
  }
  extend type Mutation {
    rename(id: ID!, name: String!): Organization
  }
  type Organization @key(fields: "id") {
    id: ID!
    name: String!
    children(first: Int = 20): [Organization!]!
  }
`;

const ALERTS_SDL = /* GraphQL */ `
  extend type Query {
    alert(id: ID!, at: DateTime): Alert
    fail: Int
    wait: Int
  }
  extend type Subscription {
    alertRaised(organizationId: ID!): Alert!
  }
  type Alert @key(fields: "id") {
    id: ID!
    note: String!
    organization: Organization
  }
  type Organization @key(fields: "id") {
    id: ID!
    alertCount: Int
  }
`;

type State = Pick<TestPlatform, 'actors' | 'organizations' | 'seenHeaders'> & {
  readonly streams: Map<EventQueue<Alert>, Uuid>;
  readonly waiting: Set<AbortSignal>;
  readonly signalStreams: Set<ServerResponse>;
  authentications: number;
};

function startIdentity(state: State): Promise<Running> {
  const organization = (id: string) => {
    const name = state.organizations.get(parseUuid(id));
    if (name === 'broken') throw new Error('the disk of the identity database is on fire');
    return name === undefined ? null : { id, name };
  };
  return startSubgraph<OperationContext>({
    ...LOCAL,
    name: 'identity',
    internalSecret: SECRET,
    log,
    typeDefs: [...loadTypeDefs(), parse(IDENTITY_SDL)],
    resolvers: {
      Query: {
        viewerName: (_: unknown, _args: object, { identity }: OperationContext) =>
          identity.actor.type === 'user' ? identity.actor.userId : identity.actor.type,
        organization: (_: unknown, { id }: { id: string }, { identity }: OperationContext) => {
          requireSignedIn(identity);
          return canSee(identity, 'organization:read', { organizationId: parseUuid(id) })
            ? organization(id)
            : null;
        },
      },
      Mutation: { rename: (_: unknown, { id, name }: { id: string; name: string }) => ({ id, name }) },
      Organization: {
        __resolveReference: ({ id }: { id: string }) => organization(id),
        children: () => [],
      },
    },
    createContext: (operation) => operation,
    routes: (app) => {
      app.get(SESSION_SIGNALS_PATH, { onRequest: internalOnly(SECRET) }, (_request, reply) => {
        reply.hijack();
        reply.raw.writeHead(200).write('\n');
        state.signalStreams.add(reply.raw);
        const beat = setInterval(() => reply.raw.write('\n'), SESSION_SIGNALS_BEAT_MS);
        reply.raw.once('close', () => {
          clearInterval(beat);
          state.signalStreams.delete(reply.raw);
        });
      });
      app.post<{ Body: { accessToken?: string; apiKey?: string } }>(
        '/internal/authenticate',
        { onRequest: internalOnly(SECRET) },
        (request, reply) => {
          state.authentications++;
          const actor = state.actors.get(request.body.accessToken ?? request.body.apiKey ?? '');
          return (
            actor ?? reply.code(401).send({ code: 'UNAUTHENTICATED', detail: 'Nobody has this credential.' })
          );
        },
      );
    },
  });
}

function startAlerts(state: State): Promise<Running> {
  const alert = ({ id, note, organizationId }: Alert) => ({ id, note, organization: { id: organizationId } });
  return startSubgraph<OperationContext>({
    ...LOCAL,
    name: 'alerts',
    internalSecret: SECRET,
    log,
    typeDefs: [...loadTypeDefs(), parse(ALERTS_SDL)],
    resolvers: {
      Query: {
        alert: (_: unknown, { id }: { id: string }) => ({ id, note: 'asked', organization: null }),
        wait: (_: unknown, _args: object, { signal }: OperationContext) => {
          state.waiting.add(signal);
          return new Promise((resolve) => {
            signal.addEventListener('abort', () => {
              state.waiting.delete(signal);
              resolve(null);
            });
          });
        },
        fail() {
          throw new AppError('RATE_LIMITED', 'Too many questions.', {
            retryAfterSeconds: 2,
            details: { limit: 1 },
          });
        },
      },
      Organization: { alertCount: () => 7 },
      Subscription: {
        alertRaised: {
          subscribe: (_: unknown, args: { organizationId: string }, { identity }: OperationContext) => {
            const organizationId = parseUuid(args.organizationId);
            authorize(identity, 'budget:read', { organizationId });
            const stream = createEventQueue<Alert>({
              capacity: 10_000,
              onClose: () => state.streams.delete(stream),
            });
            state.streams.set(stream, organizationId);
            return stream;
          },
          resolve: alert,
        },
      },
    },
    createContext: (operation) => operation,
    routes: (app) => {
      app.addHook('onRequest', async (request) => {
        state.seenHeaders.push(request.headers);
      });
    },
  });
}

/** A person who may read everything of one organization. */
export function personOf(organizationId: Uuid, expiresAtMs = Date.now() + 3_600_000): Authenticated {
  return {
    actor: { type: 'user', userId: newUuid(), sessionId: newUuid() },
    organizationId,
    permissions: ['org.read', 'org.budget.read'],
    expiresAtMs,
  };
}

function composed(): string {
  const result = composeSubgraphs([
    { name: 'identity', typeDefs: [...loadTypeDefs(), parse(IDENTITY_SDL)] },
    { name: 'alerts', typeDefs: [...loadTypeDefs(), parse(ALERTS_SDL)] },
  ]);
  if (!result.ok) throw new Error(result.error.join('\n'));
  return result.value;
}

/** @param env Settings of the gateway besides addresses and ports. */
export async function startTestPlatform(env: Record<string, string> = {}): Promise<TestPlatform> {
  const state: State = {
    actors: new Map(),
    organizations: new Map(),
    seenHeaders: [],
    streams: new Map(),
    waiting: new Set(),
    signalStreams: new Set(),
    authentications: 0,
  };
  const [identity, alerts] = await Promise.all([startIdentity(state), startAlerts(state)]);
  const config = loadConfig(configSchema, {
    WEIR_INTERNAL_SECRET: SECRET,
    GATEWAY_PORT: '0',
    GATEWAY_ADMIN_PORT: '0',
    IDENTITY_URL: `http://127.0.0.1:${identity.ports.http}`,
    ...env,
  });
  const gateway = await start(
    {
      ...config,
      subgraphUrls: {
        identity: config.subgraphUrls['identity'] ?? '',
        alerts: `http://127.0.0.1:${alerts.ports.http}`,
      },
    },
    {
      log,
      supergraphSdl: composed(),
      registry: createMetrics({ service: 'gateway', processMetrics: false }),
    },
  );
  return {
    url: `http://127.0.0.1:${gateway.ports.http}/graphql`,
    socketUrl: `ws://127.0.0.1:${gateway.ports.http}/graphql`,
    adminUrl: `http://127.0.0.1:${gateway.ports.admin}`,
    actors: state.actors,
    organizations: state.organizations,
    seenHeaders: state.seenHeaders,
    signal(signal) {
      for (const stream of state.signalStreams) stream.write(`${JSON.stringify(signal)}\n`);
    },
    endSignals() {
      for (const stream of state.signalStreams) stream.end();
    },
    authentications: () => state.authentications,
    raise(alert) {
      for (const [stream, organizationId] of state.streams) {
        if (organizationId === alert.organizationId) stream.push(alert);
      }
    },
    waitingQueries: () => state.waiting.size,
    openStreams: () => state.streams.size,
    stopAlerts: () => alerts.stop(),
    stopGateway: () => gateway.stop(),
    async stop() {
      await gateway.stop();
      await Promise.all([identity.stop(), alerts.stop()]);
    },
  };
}
