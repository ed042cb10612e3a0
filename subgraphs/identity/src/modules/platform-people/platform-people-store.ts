import type { Uuid } from '@weir/kernel/ids';
import type { Transaction } from '@weir/prisma/tenant';

export function createPlatformPeopleStore(tx: Transaction) {
  return {
    /** Makes others wait who change who operates the platform. */
    async lock(): Promise<void> {
      await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended('identity.platform-people', 0))`;
    },

    /** How many could administer the platform without this person. */
    async systemAdminsBeside(userId: Uuid): Promise<number> {
      const [row] = await tx.$queryRaw<{ others: number }[]>`
        select identity.other_system_admins(${userId}::uuid) as others`;
      return row?.others ?? 0;
    },
  };
}
