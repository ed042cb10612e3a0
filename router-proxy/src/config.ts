import { z } from 'zod';
import {
  booleanField,
  durationField,
  integerField,
  masterKeysOf,
  portField,
  sharedFields,
  textField,
} from '@weir/service/config-fields';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

/** Addresses and networks, separated by commas or spaces. */
function listField() {
  return textField('addresses or networks, separated by commas').transform((text) =>
    text.split(/[\s,]+/).filter((entry) => entry !== ''),
  );
}

/** The variables of the proxy. */
export const proxyEnvironment = z.object({
  DATABASE_URL: sharedFields.DATABASE_URL,
  REDIS_URL: sharedFields.REDIS_URL,
  /** Begins every key in Redis, so that several platforms can share one. */
  REDIS_PREFIX: textField('a name').default('weir'),
  WEIR_MASTER_KEY: sharedFields.WEIR_MASTER_KEY,
  WEIR_MASTER_KEY_PREVIOUS: sharedFields.WEIR_MASTER_KEY_PREVIOUS,
  WEIR_PRIVATE_PROVIDERS: sharedFields.WEIR_PRIVATE_PROVIDERS,
  WEIR_HOME: sharedFields.WEIR_HOME,
  LOG_LEVEL: sharedFields.LOG_LEVEL,
  HOST: sharedFields.HOST,
  ADMIN_HOST: sharedFields.ADMIN_HOST,
  PROXY_PORT: portField().default(8080),
  PROXY_ADMIN_PORT: portField().default(9080),
  /** Whose X-Forwarded-For is believed. */
  PROXY_TRUSTED_PROXIES: listField().default([]),
  /** Requests with a larger body get 413. */
  PROXY_BODY_BYTES_MAX: integerField(1_024, 104_857_600, 'bytes').default(65_536),
  /** Forms with a larger body get 413. */
  PROXY_UPLOAD_BYTES_MAX: integerField(65_536, 1_073_741_824, 'bytes').default(26_214_400),
  /** What all uploads together may keep, until their model is known and while a failover might need them again. */
  PROXY_UPLOAD_MEMORY_BYTES_MAX: integerField(1_048_576, 17_179_869_184, 'bytes').default(67_108_864),
  /** Requests served at once; one more gets 503. */
  PROXY_IN_FLIGHT_MAX: integerField(1, 1_000_000).default(10_000),
  /** The longest that a request may take, its stream included. */
  PROXY_REQUEST_TIMEOUT: durationField(SECOND_MS, 60 * MINUTE_MS).default(10 * MINUTE_MS),
  PROXY_CONNECT_TIMEOUT: durationField(10, MINUTE_MS).default(5 * SECOND_MS),
  /** Providers that think long answer late; 5 minutes is what common clients wait for. */
  PROXY_FIRST_BYTE_TIMEOUT: durationField(100, 60 * MINUTE_MS).default(5 * MINUTE_MS),
  /** The longest silence within an answer. */
  PROXY_IDLE_TIMEOUT: durationField(100, 60 * MINUTE_MS).default(MINUTE_MS),
  /** How long an answer is read on for its usage after a client with the policy DRAIN has left. */
  PROXY_DRAIN_TIMEOUT: durationField(0, 10 * MINUTE_MS).default(MINUTE_MS),
  /** How long a hold is believed without a sign of life of its proxy; a dead proxy's attempts are closed soon after. */
  PROXY_LEASE: durationField(2 * SECOND_MS, 10 * MINUTE_MS).default(MINUTE_MS),
  /** How many provider keys one request may ask. */
  PROXY_ATTEMPTS_MAX: integerField(1, 20).default(4),
  /** How long a denied minute or hour keeps denying; every further try starts it anew. */
  PROXY_COOLDOWN: durationField(0, 60 * MINUTE_MS).default(MINUTE_MS),
  /** The smallest output cap that still gives a useful answer; a budget with less room refuses. */
  PROXY_OUTPUT_CAP_MIN: integerField(1, 1_000_000, 'tokens').default(16),
  /** While the counter store is away, refuse every request instead of only those that a budget blocks. */
  PROXY_FAIL_CLOSED: booleanField().default(false),
  /** How long running streams may go on once the process is told to stop. */
  PROXY_GRACE: durationField(0, 60 * MINUTE_MS).default(30 * SECOND_MS),
});

/** The proxy's settings, by concern. Times in milliseconds. */
export const configSchema = proxyEnvironment.transform((env) => ({
  databaseUrl: env.DATABASE_URL,
  redis: env.REDIS_URL === undefined ? null : { url: env.REDIS_URL, prefix: env.REDIS_PREFIX },
  masterKey: masterKeysOf(env),
  home: env.WEIR_HOME,
  logLevel: env.LOG_LEVEL,
  graceMs: env.PROXY_GRACE,
  http: {
    host: env.HOST,
    port: env.PROXY_PORT,
    adminHost: env.ADMIN_HOST,
    adminPort: env.PROXY_ADMIN_PORT,
    trustedProxies: env.PROXY_TRUSTED_PROXIES,
    bodyBytesMax: env.PROXY_BODY_BYTES_MAX,
    uploadBytesMax: env.PROXY_UPLOAD_BYTES_MAX,
    uploadMemoryBytesMax: env.PROXY_UPLOAD_MEMORY_BYTES_MAX,
    inFlightMax: env.PROXY_IN_FLIGHT_MAX,
    requestTimeoutMs: env.PROXY_REQUEST_TIMEOUT,
  },
  upstream: {
    privateNetworks: env.WEIR_PRIVATE_PROVIDERS,
    connectTimeoutMs: env.PROXY_CONNECT_TIMEOUT,
    firstByteTimeoutMs: env.PROXY_FIRST_BYTE_TIMEOUT,
    idleTimeoutMs: env.PROXY_IDLE_TIMEOUT,
    drainMs: env.PROXY_DRAIN_TIMEOUT,
    attemptsMax: env.PROXY_ATTEMPTS_MAX,
  },
  admission: {
    cooldownMs: env.PROXY_COOLDOWN,
    outputCapMin: env.PROXY_OUTPUT_CAP_MIN,
    failClosed: env.PROXY_FAIL_CLOSED,
    leaseMs: env.PROXY_LEASE,
  },
}));

export type Config = z.output<typeof configSchema>;
