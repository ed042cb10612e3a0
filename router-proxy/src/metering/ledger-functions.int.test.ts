import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AttemptRecord } from '@weir/contracts/attempt-record';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { nanoUsd } from '@weir/kernel/money';
import { seedSuccessor, seedTenant } from '@weir/testkit/postgres-tenant';
import { createLedgerClient, type LedgerClient } from './ledger-client.ts';
import { aClose, anIntent, anOwner } from './test-attempts.ts';
import { createTestLedger, insertBudget, type TestLedger } from './test-ledger.ts';

let test: TestLedger;
let ledger: LedgerClient;

beforeAll(async () => {
  test = await createTestLedger();
  ledger = createLedgerClient(test.pool, 5_000);
});
afterAll(() => test.drop());

const DAY_MS = 86_400_000;

async function positionOf(budgetId: Uuid, atMs = Date.now()) {
  const startMs = Math.floor(atMs / DAY_MS) * DAY_MS;
  const query = {
    budgetId,
    periodStartMs: startMs,
    periodEndMs: startMs + DAY_MS,
    closedSinceMs: atMs - 60_000,
  };
  return (await ledger.positions([query]))[0];
}

/** What the billing projection does, for everything in the log. */
async function project(): Promise<void> {
  await test.admin.query(`
    with rows as (
      select l.*, node from ledger.attempt_log l,
        lateral unnest(array[l.organization_id, l.api_key_id] || l.account_path) node
      where class <> 'intent' and (l.xid, l.seq) > (select xid, seq from billing.projection_cursor where name = 'billing')
    )
    insert into billing.node_spend (organization_id, node_id, model, business_date, requests, tokens, cost_nano)
    select organization_id, node, model_effective, business_date, count(*) filter (where class = 'close'),
      sum(input_tokens + cached_input_tokens + cache_write_tokens + output_tokens + reasoning_tokens), sum(cost)
    from rows group by 1, 2, 3, 4
    on conflict (node_id, business_date, model) do update set requests = node_spend.requests + excluded.requests,
      tokens = node_spend.tokens + excluded.tokens, cost_nano = node_spend.cost_nano + excluded.cost_nano`);
  await test.admin.query(`
    update billing.projection_cursor set (xid, seq) =
      (select xid, seq from ledger.attempt_log order by xid desc, seq desc limit 1) where name = 'billing'`);
}

describe('ledger.position', () => {
  it('is exact wherever the projection stands, and counts open attempts apart', async () => {
    const [team] = test.owner.accountPath.slice(-1);
    const model = `m-${newUuid()}`;
    const other = { ...test.owner, accountPath: test.owner.accountPath.slice(0, 1), apiKeyId: newUuid() };
    const scope = { models: JSON.stringify([`${model.slice(0, 12)}*`]) };
    const budgets = {
      organization: await insertBudget(test, scope),
      team: await insertBudget(test, { ...scope, node_kind: 'ACCOUNT', node_id: team }),
      key: await insertBudget(test, { ...scope, node_kind: 'API_KEY', node_id: test.owner.apiKeyId }),
      tokens: await insertBudget(test, { ...scope, metric: 'TOKENS' }),
      requests: await insertBudget(test, { ...scope, metric: 'REQUESTS' }),
      otherModels: await insertBudget(test, { models: JSON.stringify(['%', `${model}_`]) }),
    };
    const attempt = (owner: typeof test.owner, changes = {}) =>
      anIntent(owner, { modelEffective: model, ...changes });
    const yesterday = new Date(Date.now() - DAY_MS).toISOString().slice(0, 10);
    const mine = attempt(test.owner);
    const theirs = attempt(other);
    const late = attempt(test.owner);
    const open = attempt(test.owner);
    const records: AttemptRecord[] = [
      mine,
      aClose(mine),
      theirs,
      aClose(theirs),
      aClose(attempt(test.owner, { businessDate: yesterday })),
      aClose(attempt(anOwner())),
      aClose(anIntent(test.owner, { modelEffective: 'another' })),
      late,
      open,
    ];
    await ledger.append(records);
    await ledger.closeProvisionally([late.attemptId]);
    await ledger.append([aClose(late, { cost: nanoUsd(30n) })]);
    for (const step of [() => Promise.resolve(), project, project]) {
      await step();
      expect(await positionOf(budgets.organization)).toMatchObject({ metric: 'COST', committed: 830n });
      expect(await positionOf(budgets.team)).toMatchObject({ committed: 430n });
      expect(await positionOf(budgets.key)).toMatchObject({ committed: 430n });
      expect(await positionOf(budgets.tokens)).toMatchObject({ metric: 'TOKENS', committed: 108n });
      expect(await positionOf(budgets.requests)).toMatchObject({ metric: 'REQUESTS', committed: 3n });
      expect(await positionOf(budgets.otherModels)).toMatchObject({ committed: 0n, open: [], closed: [] });
      const { open: opened, closed } = (await positionOf(budgets.organization)) ?? {};
      expect(opened).toEqual([open]);
      expect(new Set(closed)).toEqual(new Set([mine.attemptId, theirs.attemptId, late.attemptId]));
      await ledger.followOpenAttempts(1_000);
    }
  });

  it('counts for a budget on a key what the keys consume that it was rotated from and to', async () => {
    const tenant = await seedTenant(test.admin);
    const successor = await seedSuccessor(test.admin, tenant);
    const budgets = await Promise.all(
      [tenant, successor].map(({ apiKeyId }) =>
        insertBudget({ ...test, tenant }, { node_kind: 'API_KEY', node_id: apiKeyId }),
      ),
    );
    const ownerOf = (apiKeyId: Uuid) => ({
      organizationId: tenant.organizationId,
      accountPath: [tenant.ownerId, tenant.teamId],
      apiKeyId,
    });
    const open = anIntent(ownerOf(tenant.apiKeyId));
    await ledger.append([
      aClose(anIntent(ownerOf(tenant.apiKeyId))),
      aClose(anIntent(ownerOf(successor.apiKeyId))),
      aClose(anIntent(ownerOf(newUuid()))),
      open,
    ]);
    for (const step of [() => Promise.resolve(), project]) {
      await step();
      for (const budget of budgets)
        expect(await positionOf(budget)).toMatchObject({ committed: 800n, open: [open] });
    }
  });

  it('is absent for a budget that is gone', async () => {
    expect(await positionOf(newUuid())).toBeUndefined();
  });
});

describe('following open attempts', () => {
  it('finds each open intent whatever its place in the log, until it is closed', async () => {
    const budget = await insertBudget(test, { node_kind: 'API_KEY', node_id: test.owner.apiKeyId });
    const listed = async () => {
      const { open = [] } = (await positionOf(budget)) ?? {};
      return new Set(open.map((intent) => intent.attemptId));
    };
    const before = await listed();
    const added: AttemptRecord[] = [];
    for (let step = 0; step < 12; step++) {
      const batch = Array.from({ length: 5 }, () => anIntent(test.owner));
      added.push(...batch);
      await ledger.append(batch);
      const closed = added.splice(step, 2);
      await ledger.append(closed.map((record) => (record.kind === 'intent' ? aClose(record) : record)));
      // Small steps, so that the bound falls between transactions.
      while (await ledger.followOpenAttempts(7));
      const ids = [...before, ...added.map((record) => record.attemptId)];
      expect(await listed()).toEqual(new Set(ids));
    }
    while (await ledger.followOpenAttempts(7));
    const doubtful = await ledger.doubtful(0, '00000000-0000-0000-0000-000000000000' as Uuid, 1_000);
    const own = doubtful.filter((row) => row.organizationId === test.owner.organizationId);
    expect(new Set(own.map((row) => row.attemptId))).toEqual(await listed());
  });
});

describe('ledger.window_counts', () => {
  it('counts current and previous cells per node, and a business day wherever the projection stands', async () => {
    const owner = { ...test.owner, apiKeyId: newUuid() };
    const atMs = Date.now();
    const dayStartMs = Math.floor(atMs / DAY_MS) * DAY_MS;
    const model = `w-${newUuid()}`;
    const at = (admittedAtMs: number) =>
      anIntent(owner, {
        admittedAtMs,
        modelEffective: model,
        businessDate: new Date(atMs).toISOString().slice(0, 10),
      });
    const now = at(atMs);
    const open = at(atMs);
    const minuteAgo = at(atMs - 60_000);
    await ledger.append([now, aClose(now), open, minuteAgo, aClose(minuteAgo)]);
    const window = (metric: 'requests' | 'tokens', length: 'minute' | 'day', subject: string) =>
      ({ subject, metric, window: length, limit: 10 }) as const;
    const key = `key:${owner.apiKeyId}`;
    const windows = [
      window('requests', 'minute', key),
      window('tokens', 'minute', key),
      window('requests', 'day', key),
      window('tokens', 'day', `org:${owner.organizationId}|${model}`),
      window('requests', 'minute', `${key}|another`),
      window('requests', 'minute', `acc:${newUuid()}`),
    ];
    for (const step of [() => Promise.resolve(), project]) {
      await step();
      const counts = await ledger.windowCounts({
        organizationId: owner.organizationId,
        atMs,
        dayStartMs,
        windows,
      });
      expect(counts).toMatchObject([
        { current: 2, previous: 1 },
        { current: 36, previous: 36 },
        { current: 3, previous: 0 },
        { current: 72, previous: 0 },
        { current: 0, previous: 0 },
        { current: 0, previous: 0 },
      ]);
    }
  });
});
