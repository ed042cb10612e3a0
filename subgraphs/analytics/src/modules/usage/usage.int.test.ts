import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IDENTITY_HEADER } from '@weir/contracts/internal-identity';
import type { Permission } from '@weir/contracts/permission-matrix';
import { createIdentitySigner } from '@weir/graphql/identity-token';
import { encodeId, newUuid, type IdKind, type Uuid } from '@weir/kernel/ids';
import { createLogger } from '@weir/service/logger';
import type { Running } from '@weir/service/running';
import { appendAttempt } from '@weir/testkit/postgres-attempts';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import { seedTenant, type Tenant } from '@weir/testkit/postgres-tenant';
import { start } from '../../start.ts';
import { SOON } from '../../test-projection.ts';

const SECRET = 'a secret that is only used by the tests';
const signer = createIdentitySigner(SECRET);

let database: TestDatabase;
let owner: pg.Pool;
let running: Running;
let tenant: Tenant;
let stranger: Tenant;

const at = (hour: number, minute = 0): number => Date.UTC(2026, 10, 20, hour, minute);

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Pool({ connectionString: database.url });
  tenant = await seedTenant(owner, { timeZone: 'America/New_York' });
  stranger = await seedTenant(owner);
  const silent = createLogger({ service: 'analytics', level: 'silent' });
  running = await start(
    {
      databaseUrl: database.url,
      internalSecret: SECRET,
      logLevel: 'silent',
      host: '127.0.0.1',
      port: 0,
      adminHost: '127.0.0.1',
      adminPort: 0,
      pollMs: 1_000,
      proof: { hour: 2, days: 35 },
    },
    { log: silent },
  );
  // 03:30 UTC of the 20th is still the 19th in New York.
  await appendAttempt(owner, tenant, {
    admittedAtMs: at(3, 30),
    businessDate: '2026-11-19',
    cost: 1n,
    inputTokens: 10,
  });
  await appendAttempt(owner, tenant, {
    admittedAtMs: at(6),
    businessDate: '2026-11-20',
    cost: 20n,
    outputTokens: 5,
    model: 'demo-large',
  });
  await appendAttempt(owner, tenant, {
    admittedAtMs: at(6, 59),
    businessDate: '2026-11-20',
    cost: 300n,
    status: 'ERROR',
  });
  await appendAttempt(owner, stranger, { admittedAtMs: at(6), businessDate: '2026-11-20', cost: 7_000n });
});
afterAll(async () => {
  await running.stop();
  await owner.end();
  await database.drop();
});

const USAGE = `query ($kind: String!, $id: ID!, $start: DateTime!, $end: DateTime!, $granularity: Granularity!) {
  _entities(representations: [{ __typename: $kind, id: $id }]) {
    ... on Organization { usage(range: { start: $start, end: $end }, granularity: $granularity) { ...Series } }
    ... on Account { usage(range: { start: $start, end: $end }, granularity: $granularity) { ...Series } }
    ... on ApiKey { lastUsedAt usage(range: { start: $start, end: $end }, granularity: $granularity) { ...Series } }
  }
}
fragment Series on UsageSeries {
  start end
  buckets { start requests errors totalTokens cost { amount } }
  totals { requests errors tokens { input output } cost { amount currency } }
  byModel { model requests cost { amount } }
  freshness { lastEventAt lagSeconds status }
}`;

interface Series {
  start: string;
  end: string;
  buckets: { start: string; requests: string; cost: { amount: string } }[];
  totals: { requests: string; cost: { amount: string } };
  byModel: unknown[];
  freshness: { lastEventAt: string | null; lagSeconds: number; status: string };
}

interface Question {
  readonly node?: readonly [typename: string, kind: IdKind, id: Uuid];
  readonly startMs?: number;
  readonly endMs?: number;
  readonly granularity?: 'HOUR' | 'DAY';
  readonly as?: Tenant;
  readonly permissions?: Permission[];
  /** A program with a key of this account rather than a person. */
  readonly keyOf?: Uuid;
}

async function ask(question: Question) {
  const { as = tenant, granularity = 'HOUR', permissions = ['usage.read'] } = question;
  const [typename, kind, id] = question.node ?? ['Organization', 'organization', tenant.organizationId];
  const identity = await signer.sign({
    actor: question.keyOf
      ? { type: 'apiKey', apiKeyId: newUuid(), accountId: question.keyOf }
      : { type: 'user', userId: newUuid(), sessionId: newUuid() },
    organizationId: as.organizationId,
    permissions,
    requestId: newUuid(),
    ipAddress: null,
    userAgent: null,
  });
  const response = await fetch(`http://127.0.0.1:${running.ports.http}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', [IDENTITY_HEADER]: identity },
    body: JSON.stringify({
      query: USAGE.replaceAll('__typename: $kind', `__typename: "${typename}"`).replace(
        '$kind: String!, ',
        '',
      ),
      variables: {
        id: encodeId(kind, id),
        start: new Date(question.startMs ?? at(3, 30)).toISOString(),
        end: new Date(question.endMs ?? at(7)).toISOString(),
        granularity,
      },
    }),
  });
  const { data, errors } = (await response.json()) as {
    data?: { _entities: ({ usage: Series | null; lastUsedAt?: string | null } | null)[] };
    errors?: { message: string; extensions: { code: string } }[];
  };
  const [entity] = data?._entities ?? [];
  return { usage: entity?.usage, lastUsedAt: entity?.lastUsedAt, errors };
}

describe('usage', () => {
  it('becomes visible on its own, by hour, exactly', async () => {
    await expect.poll(async () => (await ask({})).usage?.totals.requests, SOON).toBe('3');
    const { usage } = await ask({});
    expect(usage).toMatchObject({
      start: '2026-11-20T03:00:00.000Z',
      end: '2026-11-20T07:00:00.000Z',
      totals: {
        requests: '3',
        errors: '1',
        tokens: { input: '10', output: '5' },
        cost: { amount: '0.000000321', currency: 'USD' },
      },
      byModel: [
        { model: 'demo-small', requests: '2', cost: { amount: '0.000000301' } },
        { model: 'demo-large', requests: '1', cost: { amount: '0.00000002' } },
      ],
      freshness: { lastEventAt: '2026-11-20T06:59:00.000Z', lagSeconds: 0, status: 'FRESH' },
    });
    expect(usage?.buckets.map(({ requests }) => requests)).toEqual(['1', '0', '0', '2']);
  });

  it('is counted by business day of the organization', async () => {
    await expect.poll(async () => (await ask({ granularity: 'DAY' })).usage?.totals.requests, SOON).toBe('3');
    const { usage } = await ask({ granularity: 'DAY' });
    expect(usage?.buckets).toMatchObject([
      { start: '2026-11-19T05:00:00.000Z', requests: '1', cost: { amount: '0.000000001' } },
      { start: '2026-11-20T05:00:00.000Z', requests: '2', cost: { amount: '0.00000032' } },
    ]);
  });

  it('is told of an account with everything below it and of a key', async () => {
    await expect.poll(async () => (await ask({})).usage?.totals.requests, SOON).toBe('3');
    for (const node of [
      ['Account', 'account', tenant.ownerId],
      ['Account', 'account', tenant.teamId],
      ['ApiKey', 'apiKey', tenant.apiKeyId],
    ] as const) {
      expect((await ask({ node })).usage?.totals).toMatchObject({
        requests: '3',
        cost: { amount: '0.000000321' },
      });
    }
  });

  it('tells when a key was last used', async () => {
    await expect.poll(async () => (await ask({})).usage?.totals.requests, SOON).toBe('3');
    const node = ['ApiKey', 'apiKey', tenant.apiKeyId] as const;
    expect((await ask({ node })).lastUsedAt).toBe('2026-11-20T06:59:00.000Z');
    expect((await ask({ node, as: stranger })).lastUsedAt).toBeNull();
  });

  it('of another organization is absent', async () => {
    await expect.poll(async () => (await ask({})).usage?.totals.requests, SOON).toBe('3');
    expect((await ask({ as: stranger })).usage).toBeNull();
    const node = ['ApiKey', 'apiKey', tenant.apiKeyId] as const;
    expect((await ask({ as: stranger, node })).usage?.totals.requests).toBe('0');
    const own = ['Organization', 'organization', stranger.organizationId] as const;
    await expect
      .poll(async () => (await ask({ as: stranger, node: own })).usage?.totals.cost.amount, SOON)
      .toBe('0.000007');
  });

  it('is shown to a program as far as its account reaches: itself and what is below', async () => {
    await expect.poll(async () => (await ask({})).usage?.totals.requests, SOON).toBe('3');
    const nodes = [
      ['Organization', 'organization', tenant.organizationId],
      ['Account', 'account', tenant.ownerId],
      ['Account', 'account', tenant.teamId],
      ['ApiKey', 'apiKey', tenant.apiKeyId],
    ] as const;
    const seenBy = async (keyOf: Uuid) =>
      Promise.all(nodes.map(async (node) => (await ask({ node, keyOf })).usage?.totals.requests ?? null));
    expect(await seenBy(tenant.ownerId)).toEqual(['3', '3', '3', '3']);
    expect(await seenBy(tenant.teamId)).toEqual([null, null, '3', '3']);
    expect(await seenBy(stranger.ownerId)).toEqual([null, null, null, null]);
    const node = ['ApiKey', 'apiKey', tenant.apiKeyId] as const;
    expect((await ask({ node, keyOf: stranger.ownerId })).lastUsedAt).toBeNull();
  });

  it('is refused without the permission, and for too many points with a sentence that names the bound', async () => {
    expect((await ask({ permissions: [] })).errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
    const { errors } = await ask({ endMs: at(3) + 32 * 86_400_000 });
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    expect(errors?.[0]?.message).toContain('744');
  });
});
