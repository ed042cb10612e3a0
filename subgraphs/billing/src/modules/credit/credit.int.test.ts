import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encodeId, newUuid, type Uuid } from '@weir/kernel/ids';
import { appendAttempt } from '@weir/testkit/postgres-attempts';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import { insertRow, seedTenant, type Tenant } from '@weir/testkit/postgres-tenant';
import { identityOf } from '../../test-identity.ts';
import { connectProjector, projectAll } from '../../test-projection.ts';
import { startTestServer, type TestServer } from '../../test-server.ts';

let database: TestDatabase;
let owner: pg.Pool;
let projector: pg.Client;
let server: TestServer;
let tenant: Tenant;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Pool({ connectionString: database.url });
  owner.on('error', () => undefined);
  projector = await connectProjector(database.url);
  server = await startTestServer(database.url);
});
afterAll(async () => {
  await server.stop();
  await Promise.all([projector.end(), owner.end()]);
  await database.drop();
});
beforeEach(async () => {
  tenant = await seedTenant(owner);
});

const FINANCE = ['org.read', 'org.billing.read', 'org.billing.write'] as const;
const CREDIT = `credit { isEnforced balance { amount } granted { amount } spent { amount } lapsed { amount }
  lots { id amount { amount } remaining { amount } expiresAt reference } }`;

type Body = Record<string, unknown>;

const grant = async (input: Body, as = identityOf(tenant, FINANCE)) => {
  const { data, errors } = await server.ask(
    as,
    `mutation ($input: CreditGrantInput!) { creditGrant(input: $input) {
       account { ${CREDIT} } lot { id } userErrors { code field } } }`,
    { input: { accountId: encodeId('account', tenant.teamId), ...input } },
  );
  return { ...(data?.['creditGrant'] as Body | undefined), errors };
};
const enforce = (isEnforced: boolean) =>
  server.ask(
    identityOf(tenant, FINANCE),
    `mutation ($input: CreditEnforcementSetInput!) { creditEnforcementSet(input: $input) {
       account { ${CREDIT} } userErrors { code } } }`,
    { input: { accountId: encodeId('account', tenant.teamId), isEnforced } },
  );
const creditOf = async (accountId: Uuid, as = identityOf(tenant, FINANCE)): Promise<unknown> => {
  const { data } = await server.ask(
    as,
    `query ($id: ID!) { _entities(representations: [{ __typename: "Account", id: $id }]) { ... on Account { ${CREDIT} } } }`,
    { id: encodeId('account', accountId) },
  );
  return (data?.['_entities'] as { credit: unknown }[] | undefined)?.[0]?.credit;
};

describe('credit', () => {
  it('is granted in lots, spent from the one that expires first, and balances to the nano-USD', async () => {
    await grant({ amount: '10', validDays: 30, reference: 'Order 7' });
    const second = await grant({ amount: '2.5', validDays: 10 });
    expect(second).toMatchObject({ userErrors: [], account: { credit: { balance: { amount: '12.5' } } } });
    await appendAttempt(owner, tenant, { cost: 3_000_000_001n });
    await projectAll(projector);
    expect(await creditOf(tenant.teamId)).toMatchObject({
      isEnforced: false,
      balance: { amount: '9.499999999' },
      granted: { amount: '12.5' },
      spent: { amount: '3.000000001' },
      lapsed: { amount: '0' },
      lots: [{ amount: { amount: '10' }, remaining: { amount: '9.499999999' }, reference: 'Order 7' }],
    });
  });

  it('is told exactly before the projection has seen the spend, and counts what was spent after it began only', async () => {
    await appendAttempt(owner, tenant, { cost: 5_000_000_000n });
    await projectAll(projector);
    await grant({ amount: '1' });
    await appendAttempt(owner, tenant, { cost: 250_000_000n });
    const expected = { balance: { amount: '0.75' }, spent: { amount: '0.25' } };
    expect(await creditOf(tenant.teamId)).toMatchObject(expected);
    await projectAll(projector);
    expect(await creditOf(tenant.teamId)).toMatchObject(expected);
  });

  it('is in the snapshot of the keys below while it is enforced, and moves the epoch', async () => {
    const snapshot = async () => {
      const { rows } = await owner.query<{ credits: unknown; epoch: string }>(
        `select policy.snapshot($1)::jsonb -> 'credits' as credits, policy.snapshot($1)::jsonb ->> 'epoch' as epoch`,
        [tenant.keyHash],
      );
      return rows[0] ?? { credits: null, epoch: '0' };
    };
    await grant({ amount: '3' });
    const before = await snapshot();
    expect(before.credits).toEqual([]);
    expect((await enforce(true)).data).toMatchObject({
      creditEnforcementSet: { account: { credit: { isEnforced: true } }, userErrors: [] },
    });
    const after = await snapshot();
    expect(after.credits).toMatchObject([{ accountId: tenant.teamId, granted: '3000000000' }]);
    await grant({ amount: '4' });
    const raised = await snapshot();
    expect(raised.credits).toMatchObject([{ accountId: tenant.teamId, granted: '7000000000' }]);
    expect(
      [before, after, raised]
        .map(({ epoch }) => BigInt(epoch))
        .every((epoch, n, all) => n === 0 || epoch > (all[n - 1] ?? 0n)),
    ).toBe(true);
    await enforce(false);
    expect((await snapshot()).credits).toEqual([]);
  });

  it.each([
    [{ amount: '0' }, 'INVALID_AMOUNT', ['amount']],
    [{ amount: '-1' }, 'INVALID_AMOUNT', ['amount']],
    [{ amount: '0.0000000001' }, 'INVALID_AMOUNT', ['amount']],
    [{ amount: '9007199.254740992' }, 'INVALID_AMOUNT', ['amount']],
    [{ amount: '1', validDays: 0 }, 'INVALID_VALIDITY', ['validDays']],
    [{ amount: '1', validDays: 3651 }, 'INVALID_VALIDITY', ['validDays']],
    [{ amount: '1', reference: ' ' }, 'INVALID_REFERENCE', ['reference']],
    [{ amount: '1', accountId: encodeId('account', newUuid()) }, 'ACCOUNT_NOT_FOUND', ['accountId']],
  ])('refuses %j', async (input, code, field) => {
    expect(await grant(input)).toMatchObject({ account: null, lot: null, userErrors: [{ code, field }] });
  });

  it('of all lots together stays within what counters can count', async () => {
    await grant({ amount: '9007199' });
    expect(await grant({ amount: '1' })).toMatchObject({ userErrors: [{ code: 'INVALID_AMOUNT' }] });
  });

  it('needs billing:write to change and billing:read to see, and is of one organization alone', async () => {
    await grant({ amount: '1' });
    const reader = identityOf(tenant, ['org.read', 'org.billing.read']);
    expect(await grant({ amount: '1' }, reader)).toMatchObject({
      errors: [{ extensions: { code: 'FORBIDDEN' } }],
    });
    expect(await creditOf(tenant.teamId, reader)).toMatchObject({ granted: { amount: '1' } });
    expect(await creditOf(tenant.teamId, identityOf(tenant, ['org.read']))).toBeNull();
    const stranger = identityOf(await seedTenant(owner), FINANCE);
    expect(await creditOf(tenant.teamId, stranger)).toBeNull();
    expect(await grant({ amount: '1' }, stranger)).toMatchObject({
      userErrors: [{ code: 'ACCOUNT_NOT_FOUND' }],
    });
    expect(await creditOf(tenant.ownerId)).toBeNull();
  });
});

interface Lot {
  readonly amount: number;
  readonly grantedOn: number;
  readonly days: number;
}

/** What the guarantee says, written out: money by money, day by day. */
function standingOf(lots: readonly Lot[], spends: readonly (readonly [number, number])[], today: number) {
  const left = lots.map(({ amount }) => amount);
  const order = lots.map((_, n) => n).sort((a, b) => expiryOf(lots, a) - expiryOf(lots, b) || a - b);
  let debt = 0;
  for (let day = 0; day <= 40; day++) {
    debt += spends.reduce((sum, [on, cost]) => sum + (on === day ? cost : 0), 0);
    for (; debt > 0; debt--) {
      const next = order.find(
        (n) => (left[n] ?? 0) > 0 && (lots[n]?.grantedOn ?? 0) <= day && expiryOf(lots, n) > day,
      );
      if (next === undefined) break;
      left[next] = (left[next] ?? 0) - 1;
    }
  }
  const used = lots.map(({ amount }, n) => amount - (left[n] ?? 0));
  const lapsed = lots.map((_, n) => (expiryOf(lots, n) <= today ? (left[n] ?? 0) : 0));
  return { used, lapsed, debt };
}

const expiryOf = (lots: readonly Lot[], n: number): number =>
  (lots[n]?.grantedOn ?? 0) + (lots[n]?.days ?? 0);

describe('the standing of lots', () => {
  it('is what day by day arithmetic says for any grants and spend, projected or not, however often it is asked', async () => {
    const anyLot = fc.record<Lot>({
      amount: fc.integer({ min: 1, max: 30 }),
      grantedOn: fc.nat({ max: 25 }),
      days: fc.integer({ min: 1, max: 15 }),
    });
    const anySpend = fc.tuple(fc.nat({ max: 30 }), fc.integer({ min: 1, max: 25 }));
    const dateOf = (day: number): string => new Date(Date.UTC(2026, 4, 1 + day)).toISOString().slice(0, 10);
    const story = fc.asyncProperty(
      fc.array(anyLot, { maxLength: 5 }),
      fc.array(anySpend, { maxLength: 8 }),
      fc.nat({ max: 40 }),
      fc.nat({ max: 8 }),
      async (lots, spends, today, projected) => {
        const { organizationId, teamId } = (tenant = await seedTenant(owner));
        await insertRow(owner, 'billing.credit_accounts', {
          account_id: teamId,
          organization_id: organizationId,
          started_on: dateOf(0),
        });
        const ids = lots.map(() => newUuid());
        for (const [n, { amount, grantedOn, days }] of lots.entries()) {
          await insertRow(owner, 'billing.credit_lots', {
            id: ids[n],
            organization_id: organizationId,
            account_id: teamId,
            amount,
            granted_at: new Date(Date.UTC(2026, 4, 1 + grantedOn, 12, 0, n)),
            granted_on: dateOf(grantedOn),
            expires_on: dateOf(grantedOn + days),
            reference: 'Test',
            granted_by: 'test',
          });
        }
        for (const [n, [day, cost]] of spends.entries()) {
          await appendAttempt(owner, tenant, { cost: BigInt(cost), businessDate: dateOf(day) });
          if (n === projected) await projectAll(projector);
        }
        const read = async () => {
          const { rows } = await owner.query<{ lot_id: Uuid | null; used: string; lapsed: string }>(
            'select lot_id, used, lapsed from ledger.credit_lots($1, $2, $3)',
            [organizationId, teamId, dateOf(today)],
          );
          const of = (id: Uuid | null) => rows.find((row) => row.lot_id === id);
          return {
            used: ids.map((id) => Number(of(id)?.used)),
            lapsed: ids.map((id) => Number(of(id)?.lapsed)),
            debt: Number(of(null)?.used),
          };
        };
        // Lots of the same expiry are spent in the order in which they were granted.
        const inOrder = [...lots.entries()].sort(([a, x], [b, y]) => x.grantedOn - y.grantedOn || a - b);
        const expected = standingOf(
          inOrder.map(([, lot]) => lot),
          spends,
          today,
        );
        const place = (n: number): number => inOrder.findIndex(([original]) => original === n);
        const wanted = {
          used: lots.map((_, n) => expected.used[place(n)]),
          lapsed: lots.map((_, n) => expected.lapsed[place(n)]),
          debt: expected.debt,
        };
        expect(await read()).toEqual(wanted);
        await projectAll(projector);
        expect(await read()).toEqual(wanted);
      },
    );
    await fc.assert(story, { numRuns: 40 });
  });
});
