import { parseUuid, type Uuid } from '@weir/kernel/ids';
import type { Db } from '@weir/prisma/database';
import type { ProviderKeyState, ProviderKeyTest } from './provider-key.ts';

/** What is known of keys at work: what proxies reported, and the latest test. */
export function createProviderKeyReports(db: Db) {
  return {
    /** By model. */
    async statesOf(ids: readonly Uuid[]): Promise<ProviderKeyState[]> {
      const rows = await db.providerKeyState.findMany({
        where: { providerKeyId: { in: [...ids] } },
        orderBy: [{ providerKeyId: 'asc' }, { model: 'asc' }],
      });
      return rows.map(({ providerKeyId, model, state, until, reason, failures, reportedAt }) => ({
        providerKeyId: parseUuid(providerKeyId),
        model,
        state: state === 'AWAKE' || state === 'PROBING' ? state : 'SLEEPING',
        until,
        reason,
        failures,
        reportedAt,
      }));
    },

    async testsOf(ids: readonly Uuid[]): Promise<ProviderKeyTest[]> {
      const rows = await db.providerKeyTest.findMany({ where: { providerKeyId: { in: [...ids] } } });
      return rows.map((row) => ({ ...row, providerKeyId: parseUuid(row.providerKeyId) }));
    },

    async saveTest(organizationId: Uuid, { providerKeyId, ...test }: ProviderKeyTest): Promise<void> {
      await db.providerKeyTest.upsert({
        where: { providerKeyId },
        create: { providerKeyId, organizationId, ...test },
        update: test,
      });
    },

    /** Neither says anything about another secret. */
    async forget(providerKeyId: Uuid): Promise<void> {
      await db.providerKeyTest.deleteMany({ where: { providerKeyId } });
      await db.providerKeyState.deleteMany({ where: { providerKeyId } });
    },
  };
}
