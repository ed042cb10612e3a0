import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { policySnapshotSchema } from '@weir/contracts/policy-snapshot';
import { createDatabase, type Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';
import { hashOfSecret } from '../api-keys/api-key.ts';
import { PLAN_LIMITS, PLAN_TIERS, type PlanTier } from './plan.ts';

let identity: TestIdentity;
let db: Database;
let proxy: Database;
beforeAll(async () => {
  identity = await startTestIdentity();
  db = createDatabase({ url: identity.databaseUrl, role: 'weir_identity', max: 1 });
  proxy = createDatabase({ url: identity.databaseUrl, role: 'weir_proxy', max: 1 });
});
afterAll(async () => {
  await Promise.all([db.$disconnect(), proxy.$disconnect()]);
  await identity.stop();
});

it.each(PLAN_TIERS)('the database knows the limits of the plan %s', async (tier) => {
  const [row] = await db.$queryRaw<{ limits: unknown }[]>`select policy.plan_limits(${tier}) as limits`;
  expect(row?.limits).toEqual(PLAN_LIMITS[tier]);
});

describe('on the proxy', () => {
  async function limitsOnProxy(organization: TestOrganization, planTier: PlanTier, limits: object) {
    const { organizationId, rootAccountId: accountId } = organization;
    const { secret } = await identity.bootstrap.addApiKey({ organizationId, accountId, name: planTier, scopes: [] }); // prettier-ignore
    await withTenant(db, { organizationId }, (tx) =>
      tx.organization.updateMany({ where: { id: organizationId }, data: { planTier, limits } }),
    );
    const [row] = await proxy.$queryRaw<{ snapshot: unknown }[]>`
      select policy.snapshot(${new Uint8Array(hashOfSecret(secret))}) as snapshot`;
    return policySnapshotSchema.parse(row?.snapshot).organization.limits;
  }

  it('a plan limits, except where the organization has a limit of its own', async () => {
    const organization = await identity.organization();
    expect(await limitsOnProxy(organization, 'STARTER', {})).toEqual(PLAN_LIMITS.STARTER);
    expect(
      await limitsOnProxy(organization, 'GROWTH', { requestsPerMinute: 5_000, tokensPerHour: 7 }),
    ).toEqual({
      ...PLAN_LIMITS.GROWTH,
      requestsPerMinute: 5_000,
      tokensPerHour: 7,
    });
    expect(await limitsOnProxy(organization, 'ENTERPRISE', {})).toEqual({});
  });
});
