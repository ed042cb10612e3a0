import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { decodeId, newUuid, type Uuid } from '@weir/kernel/ids';
import { newVirtualKey, visibleParts } from '@weir/kernel/virtual-key';
import { loadConfig } from '@weir/service/config';
import type { Running } from '@weir/service/running';
import { sealSecret } from '@weir/service/vault';
import { createTestDatabase } from '@weir/testkit/postgres';
import { seedTenant, type Tenant } from '@weir/testkit/postgres-tenant';
import { configSchema } from './config.ts';
import { start, type StartOptions } from './start.ts';
import { createPolicyChanges, type FollowedProxy, type PolicyWriter } from './test-policy-changes.ts';

export const PROVIDER_SECRET = 'sk-provider-canary-0123456789';
export const MODEL = 'gpt-test';

/** A running proxy on a database of its own, with one organization, one model with a price and one provider key. */
export interface TestProxy extends PolicyWriter {
  readonly url: string;
  readonly adminUrl: string;
  /** Reads only: a request that follows a change at once might be earlier than the news of it. */
  readonly db: pg.Pool;
  readonly tenant: Tenant;
  /** A key on the team, unrestricted. */
  readonly apiKey: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly running: Running;
  /** @returns The secret of a new key on the team. */
  addApiKey(columns?: Readonly<Record<string, unknown>>): Promise<string>;
  addProviderKey(columns?: Readonly<Record<string, unknown>>, secret?: string): Promise<Uuid>;
  addModel(name: string, columns?: Readonly<Record<string, unknown>>): Promise<Uuid>;
  /** By the proxy's clock. */
  now(): number;
  /** Moves the clock of the proxy and of its counters. */
  advance(ms: number): void;
  addBudget(columns: Readonly<Record<string, unknown>>): Promise<Uuid>;
  /** How a request's attempts were closed in the attempt log, in order, once so many of them are. */
  closes(response: Response, count?: number): Promise<readonly AttemptRow[]>;
  post(path: string, body: unknown, init?: PostInit): Promise<Response>;
  /** Starts another proxy on the same database and Redis, by the clock of the machine. */
  startAnother(): Promise<Running>;
  stop(): Promise<void>;
}

/** A row of `ledger.attempt_log`, bigints as text. */
export type AttemptRow = Readonly<Record<string, unknown>>;

export interface PostInit {
  readonly apiKey?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface TestProxyOptions {
  readonly upstreamUrl: string;
  readonly redisUrl?: string | undefined;
  readonly environment?: Readonly<Record<string, string>>;
  /** Takes its log lines of every level; without it there are none. */
  readonly onLog?: (line: string) => void;
}

export async function startTestProxy(options: TestProxyOptions): Promise<TestProxy> {
  const database = await createTestDatabase();
  const writer = openPool(database.url);
  const db = openPool(database.url, { options: '-c default_transaction_read_only=on' });
  const changes = createPolicyChanges(writer);
  const home = mkdtempSync(join(tmpdir(), 'weir-proxy-'));
  const masterKey = randomBytes(32);
  const tenant = await seedTenant(writer);
  const seed = createSeed(changes, tenant, masterKey, options.upstreamUrl);
  await seed.ownerKey();
  await seed.addProviderKey();
  await seed.addModel(MODEL);
  const apiKey = await seed.addApiKey();
  const environment = {
    DATABASE_URL: database.url,
    WEIR_MASTER_KEY: masterKey.toString('base64'),
    WEIR_PRIVATE_PROVIDERS: '127.0.0.0/8, ::1',
    WEIR_HOME: home,
    LOG_LEVEL: 'silent',
    PROXY_PORT: '0',
    PROXY_ADMIN_PORT: '0',
    PROXY_GRACE: '2s',
    ...(options.redisUrl === undefined
      ? {}
      : { REDIS_URL: options.redisUrl, REDIS_PREFIX: `test-${newUuid()}` }),
    ...options.environment,
  };
  let aheadMs = 0;
  const clock = { now: () => Date.now() + aheadMs };
  const running = await startFollowed(environment, changes.follow(options.onLog), { clock });
  const url = `http://127.0.0.1:${running.ports.http}`;
  return {
    url,
    adminUrl: `http://127.0.0.1:${running.ports.admin}`,
    db,
    change: changes.change,
    changeUnheard: changes.changeUnheard,
    insert: changes.insert,
    tenant,
    apiKey,
    environment,
    running,
    addApiKey: seed.addApiKey,
    addProviderKey: seed.addProviderKey,
    addModel: seed.addModel,
    addBudget: seed.addBudget,
    closes: (response, count = 1) => readCloses(db, requestIdOf(response), count),
    now: clock.now,
    advance(ms) {
      aheadMs += ms;
    },
    post: (path, body, init = {}) => post(url + path, body, { apiKey, ...init }),
    startAnother: () => startFollowed(environment, changes.follow()),
    async stop() {
      await running.stop();
      await Promise.all([writer.end(), db.end()]);
      await database.drop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Starts a proxy that hears of changes as soon as it serves. */
async function startFollowed(
  environment: Readonly<Record<string, string>>,
  { log, listening }: FollowedProxy,
  options: Pick<StartOptions, 'clock'> = {},
): Promise<Running> {
  const running = await start(loadConfig(configSchema, environment), { log, ...options });
  await listening;
  return running;
}

function openPool(url: string, config: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 2, ...config });
  // Dropping the database may end a connection that the pool is closing at that moment.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

function post(url: string, body: unknown, init: PostInit): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(init.apiKey === undefined || init.apiKey === '' ? {} : { 'x-api-key': init.apiKey }),
      ...init.headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...(init.signal ? { signal: init.signal } : {}),
  });
}

function createSeed({ insert }: PolicyWriter, tenant: Tenant, masterKey: Buffer, upstreamUrl: string) {
  const { organizationId, ownerId, teamId } = tenant;
  const ownerSecret = randomBytes(32);
  return {
    async ownerKey() {
      const { ciphertext, nonce, version } = sealSecret(ownerSecret, masterKey, `owner:${ownerId}:1`);
      await insert('identity.owner_keys', {
        owner_id: ownerId,
        organization_id: organizationId,
        ciphertext,
        nonce,
        version,
      });
    },
    async addProviderKey(
      columns: Readonly<Record<string, unknown>> = {},
      secret = PROVIDER_SECRET,
    ): Promise<Uuid> {
      const id = newUuid();
      const { ciphertext, nonce } = sealSecret(secret, ownerSecret, `providerKey:${ownerId}:${id}:1`);
      await insert('identity.provider_keys', {
        id,
        organization_id: organizationId,
        owner_id: ownerId,
        name: `Provider ${id.slice(-4)}`,
        provider: 'openai',
        base_url: upstreamUrl,
        ciphertext,
        nonce,
        ...columns,
      });
      return id;
    },
    /** Prices: 1 USD per million input tokens, 2 USD per million output tokens. */
    async addModel(name: string, columns: Readonly<Record<string, unknown>> = {}): Promise<Uuid> {
      const id = newUuid();
      await insert('identity.models', {
        id,
        organization_id: organizationId,
        name,
        context_tokens: 128_000,
        max_output_tokens: 4_096,
        ...columns,
      });
      await insert('billing.prices', {
        id: newUuid(),
        organization_id: organizationId,
        model: name,
        valid_from: '2020-01-01T00:00:00Z',
        input: '1000000000',
        cached_input: '500000000',
        output: '2000000000',
        reasoning: '2000000000',
      });
      return id;
    },
    async addApiKey(columns: Readonly<Record<string, unknown>> = {}): Promise<string> {
      const secret = newVirtualKey();
      await insert('identity.api_keys', {
        id: newUuid(),
        organization_id: organizationId,
        account_id: teamId,
        name: 'Key',
        key_hash: createHash('sha256').update(secret).digest(),
        ...visibleParts(secret),
        scopes: ['inference:read', 'inference:write'],
        ...columns,
      });
      return secret;
    },
    async addBudget(columns: Readonly<Record<string, unknown>>): Promise<Uuid> {
      const id = newUuid();
      await insert('billing.budgets', {
        id,
        organization_id: organizationId,
        node_kind: 'ORGANIZATION',
        node_id: organizationId,
        name: 'Cap',
        metric: 'COST',
        period: 'MONTHLY',
        enforcement: 'BLOCK',
        ...columns,
      });
      return id;
    },
  };
}

const DEADLINE_MS = 30_000;

function requestIdOf(response: Response): Uuid {
  const id = decodeId('request', response.headers.get('x-request-id') ?? '');
  if (id === undefined) throw new Error('the answer has no request id');
  return id;
}

async function readCloses(db: pg.Pool, requestId: Uuid, count: number): Promise<readonly AttemptRow[]> {
  const untilMs = performance.now() + DEADLINE_MS;
  for (;;) {
    const { rows } = await db.query<AttemptRow>(
      `select * from ledger.attempt_log where request_id = $1 and class = 'close' order by attempt_number`,
      [requestId],
    );
    if (rows.length >= count) return rows;
    if (performance.now() > untilMs) throw new Error(`no ${count} closes: ${JSON.stringify(rows)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
