import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import { connectionConfig } from '@weir/service/postgres';
import { appendAttempt } from '@weir/testkit/postgres-attempts';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import { seedTenant } from '@weir/testkit/postgres-tenant';
import { connectProjector, projectAll } from '../test-projection.ts';

let database: TestDatabase;
let owner: pg.Pool;
let projector: pg.Client;
let proxy: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Pool({ connectionString: database.url });
  owner.on('error', () => undefined);
  projector = await connectProjector(database.url);
  proxy = new pg.Client(connectionConfig({ url: database.url, role: 'weir_proxy', applicationName: 'test' }));
  proxy.on('error', () => undefined);
  await proxy.connect();
});
afterAll(async () => {
  await Promise.all([projector.end(), proxy.end(), owner.end()]);
  await database.drop();
});

describe('what a key asks about itself', () => {
  it('is the same before, while and after the projection reads it, corrections included', async () => {
    const tenant = await seedTenant(owner);
    const day = '2026-03-04';
    const wrong = newUuid(Date.parse(`${day}T12:00:00Z`));
    const usage = async () => {
      const { rows } = await proxy.query<Record<string, string>>(
        `select business_date::text as day, model, requests::text, input_tokens::text as tokens, cost::text
         from analytics.key_usage($1, $2, '2026-03-01', '2026-03-31', null)`,
        [tenant.organizationId, tenant.apiKeyId],
      );
      return rows.map(({ day: date, model, requests, tokens, cost }) =>
        [date, model, requests, tokens, cost].join(' '),
      );
    };
    const attempts = async (requestId: string) => {
      const { rows } = await proxy.query<Record<string, string>>(
        `select attempt_number::text as number, kind, cost::text from analytics.request_attempts($1, $2, null)`,
        [tenant.organizationId, requestId],
      );
      return rows.map(({ number, kind, cost }) => [number, kind, cost].join(' '));
    };
    const shared = { businessDate: day, model: 'a' };
    await appendAttempt(owner, tenant, {
      ...shared,
      attemptId: wrong,
      kind: 'provisional',
      cost: 90n,
      inputTokens: 50,
    });
    await appendAttempt(owner, tenant, { ...shared, cost: 7n, inputTokens: 5 });
    await appendAttempt(owner, tenant, { ...shared, model: 'b', cost: 1n, businessDate: '2026-04-01' });
    const { rows } = await owner.query<{ id: string }>(
      'select request_id as id from ledger.attempt_log where attempt_id = $1',
      [wrong],
    );
    const requestId = rows[0]?.id ?? '';
    const before = [`${day} a 2 55 97`];
    expect([await usage(), await attempts(requestId)]).toEqual([before, ['1 provisional 90']]);
    await projectAll(projector);
    expect([await usage(), await attempts(requestId)]).toEqual([before, ['1 provisional 90']]);
    await appendAttempt(owner, tenant, {
      ...shared,
      attemptId: wrong,
      kind: 'adjusted',
      cost: -60n,
      inputTokens: -40,
    });
    const after = [`${day} a 2 15 37`];
    expect(await usage()).toEqual(after);
    await projectAll(projector);
    expect([await usage(), await attempts(requestId)]).toEqual([after, ['1 adjusted 30']]);
  });
});
