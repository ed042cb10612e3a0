import { Cluster, Redis, type RedisOptions } from 'ioredis';

export type RedisClient = Redis | Cluster;

/** How replies are mapped is not a choice: the functions' replies are read in the default way. */
export type RedisSettings = Omit<RedisOptions, 'replyMapping'>;

const CONNECT_TIMEOUT_MS = 2_000;
const RETRY_MAX_MS = 1_000;

/**
 * Opens a client that suits the counter store: it fails at once while there is no connection rather than queue
 * commands, never sends a command twice by itself, and reconnects for ever.
 *
 * - `redis://` and `rediss://`: one server
 * - `redis-cluster://[user:password@]host:port,host:port`: a cluster; `rediss-cluster://` with TLS
 * - `redis-sentinel://[user:password@]host:port,host:port/<master name>[/<database>]`; `rediss-sentinel://` with TLS
 *
 * @param options More options of ioredis, for what a URL cannot say (certificates, NAT maps).
 * @throws TypeError when the URL is none of these.
 */
export function connectRedis(url: string, options: RedisSettings = {}): RedisClient {
  const client = open(url, options);
  // Without a listener ioredis prints to the console; whoever asks the store gets the error.
  client.on('error', () => undefined);
  return client;
}

function open(url: string, options: RedisSettings): RedisClient {
  const scheme = /^([a-z-]+):\/\//.exec(url)?.[1];
  const common: RedisSettings = {
    connectTimeout: CONNECT_TIMEOUT_MS,
    autoResendUnfulfilledCommands: false,
    // Whoever subscribes does it at each connection: ioredis would do it, too, and leave a failure of it to nobody, which
    // ends a process.
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    enableAutoPipelining: true,
    ...options,
  };
  const single: RedisSettings = { ...common, enableOfflineQueue: false, retryStrategy };
  if (scheme === 'redis' || scheme === 'rediss') return new Redis(url, single);
  const { hosts, username, password, path } = parseHosts(url);
  const tls = scheme?.startsWith('rediss') === true ? { tls: options.tls ?? {} } : {};
  const login = { ...(username === '' ? {} : { username }), ...(password === '' ? {} : { password }) };
  if (scheme === 'redis-cluster' || scheme === 'rediss-cluster') {
    return new Cluster(hosts, {
      enableOfflineQueue: false,
      enableAutoPipelining: true,
      lazyConnect: options.lazyConnect ?? false,
      clusterRetryStrategy: retryStrategy,
      redisOptions: { ...common, ...login, ...tls },
    });
  }
  if (scheme === 'redis-sentinel' || scheme === 'rediss-sentinel') {
    const [name, db] = path.split('/');
    if (name === undefined || name === '') throw new TypeError('a Sentinel address ends with /<master name>');
    return new Redis({ ...single, ...login, ...tls, sentinels: hosts, name, db: Number(db ?? 0) });
  }
  throw new TypeError(`not an address of Redis: ${scheme ?? 'no scheme'}`);
}

function retryStrategy(attempt: number): number {
  return Math.min(25 * 2 ** Math.min(attempt, 10), RETRY_MAX_MS);
}

/** The standard URL parser knows one host only. The text may hold a password, so no error quotes it. */
function parseHosts(url: string): {
  hosts: { host: string; port: number }[];
  username: string;
  password: string;
  path: string;
} {
  const match = /^[a-z-]+:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/]+)(?:\/(.*))?$/.exec(url);
  if (match === null) throw new TypeError('not an address of Redis');
  const [, username = '', password = '', list = '', path = ''] = match;
  const hosts = list.split(',').map((entry) => {
    const colon = entry.lastIndexOf(':');
    const port = colon < 0 ? 6379 : Number(entry.slice(colon + 1));
    if (!Number.isInteger(port)) throw new TypeError('an address of Redis has a host without a valid port');
    return { host: colon < 0 ? entry : entry.slice(0, colon), port };
  });
  return { hosts, username: decodeURIComponent(username), password: decodeURIComponent(password), path };
}
