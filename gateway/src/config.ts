import { z } from 'zod';
import {
  booleanField,
  durationField,
  integerField,
  portField,
  sharedFields,
  textField,
  urlField,
} from '@weir/service/config-fields';

const fields = z.object({
  HOST: sharedFields.HOST,
  ADMIN_HOST: sharedFields.ADMIN_HOST,
  LOG_LEVEL: sharedFields.LOG_LEVEL,
  WEIR_INTERNAL_SECRET: sharedFields.WEIR_INTERNAL_SECRET,
  GATEWAY_PORT: portField().default(4000),
  GATEWAY_ADMIN_PORT: portField().default(9000),
  IDENTITY_URL: urlField(['http', 'https']).default('http://127.0.0.1:4001'),
  BILLING_URL: urlField(['http', 'https']).default('http://127.0.0.1:4002'),
  ANALYTICS_URL: urlField(['http', 'https']).default('http://127.0.0.1:4003'),
  /** Schema questions by clients, and names of the schema in error messages. Turn it off in production. */
  GRAPHQL_INTROSPECTION: booleanField().default(true),
  /** The page that a browser gets at the endpoint. Needs introspection. */
  GRAPHQL_EXPLORER: booleanField().default(true),
  /** A JSON object of SHA-256 (hex) to operation text; when set, nothing else runs. */
  GRAPHQL_REGISTERED_OPERATIONS: textField('a JSON file').optional(),
  GRAPHQL_DEPTH_MAX: integerField(1, 100).default(12),
  GRAPHQL_ALIASES_MAX: integerField(0, 10_000).default(30),
  GRAPHQL_ROOT_FIELDS_MAX: integerField(1, 1_000).default(20),
  GRAPHQL_COST_MAX: integerField(1, 10_000_000).default(20_000),
  GRAPHQL_TOKENS_MAX: integerField(10, 100_000).default(4_000),
  /** Of a request over HTTP and of a message over a socket. */
  GRAPHQL_BODY_BYTES_MAX: integerField(1_024, 10_485_760, 'bytes').default(131_072),
  /** How long a subgraph may take to answer one fetch. */
  GRAPHQL_SUBGRAPH_TIMEOUT: durationField(100, 300_000).default(30_000),
  GRAPHQL_SOCKETS_MAX: integerField(1, 1_000_000).default(10_000),
  GRAPHQL_SOCKETS_PER_ACTOR_MAX: integerField(1, 100_000).default(50),
  GRAPHQL_SUBSCRIPTIONS_PER_SOCKET_MAX: integerField(1, 10_000).default(100),
  /** Events held for a subscriber that is too slow; beyond it the oldest is dropped. */
  GRAPHQL_SUBSCRIBER_QUEUE: integerField(1, 10_000).default(128),
  /** Where browsers reach the gateway. With https, cookies are sent over nothing else. */
  PUBLIC_URL: urlField(['http', 'https']).optional(),
  /** Origins of further pages, by comma, which may read GraphQL answers and use the cookies of sessions. */
  ALLOWED_ORIGINS: textField('origins such as https://portal.example, separated by commas').optional(),
  /** Addresses or CIDR ranges of reverse proxies, by comma, whose `X-Forwarded-For` is believed. */
  TRUSTED_PROXIES: textField('addresses or CIDR ranges separated by commas').optional(),
});

const listOf = (text: string | undefined): readonly string[] =>
  text
    ?.split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '') ?? [];

/** Base URL of each subgraph of the supergraph, by name; `identity` also authenticates. */
export type SubgraphUrls = Readonly<Record<string, string>>;

function subgraphUrlsOf(env: z.output<typeof fields>): SubgraphUrls {
  return { identity: env.IDENTITY_URL, billing: env.BILLING_URL, analytics: env.ANALYTICS_URL };
}

/** The variables that the gateway reads; `loadConfig(configSchema, env)` gives a `Config`. */
export const configSchema = fields.transform((env) => ({
  host: env.HOST,
  port: env.GATEWAY_PORT,
  adminHost: env.ADMIN_HOST,
  adminPort: env.GATEWAY_ADMIN_PORT,
  logLevel: env.LOG_LEVEL,
  internalSecret: env.WEIR_INTERNAL_SECRET,
  publicUrl: env.PUBLIC_URL,
  allowedOrigins: listOf(env.ALLOWED_ORIGINS),
  trustedProxies: listOf(env.TRUSTED_PROXIES),
  subgraphUrls: subgraphUrlsOf(env),
  subgraphTimeoutMs: env.GRAPHQL_SUBGRAPH_TIMEOUT,
  introspection: env.GRAPHQL_INTROSPECTION,
  explorer: env.GRAPHQL_EXPLORER && env.GRAPHQL_INTROSPECTION,
  registeredOperationsFile: env.GRAPHQL_REGISTERED_OPERATIONS,
  limits: {
    depth: env.GRAPHQL_DEPTH_MAX,
    aliases: env.GRAPHQL_ALIASES_MAX,
    rootFields: env.GRAPHQL_ROOT_FIELDS_MAX,
    cost: env.GRAPHQL_COST_MAX,
    tokens: env.GRAPHQL_TOKENS_MAX,
    bodyBytes: env.GRAPHQL_BODY_BYTES_MAX,
  },
  sockets: {
    total: env.GRAPHQL_SOCKETS_MAX,
    perActor: env.GRAPHQL_SOCKETS_PER_ACTOR_MAX,
    subscriptionsPerSocket: env.GRAPHQL_SUBSCRIPTIONS_PER_SOCKET_MAX,
    queuedEvents: env.GRAPHQL_SUBSCRIBER_QUEUE,
  },
}));

export type Config = z.output<typeof configSchema>;
