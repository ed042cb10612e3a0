import type { Db } from '@weir/prisma/database';
import type { PersonsMembership } from './membership.ts';

/**
 * The API keys that are a member's own: those they have created, but for the keys of service accounts, which belong to
 * the service account whoever created them.
 */
export function createMemberKeys(db: Db) {
  const ownKeys = ({ organizationId, userId }: PersonsMembership) => ({
    organizationId,
    createdBy: userId,
    account: { kind: { not: 'SERVICE_ACCOUNT' } },
  });
  const CHANGED = { version: { increment: 1 } } as const;
  return {
    /** Returns how many keys wait until they are resumed. */
    async suspend(membership: PersonsMembership): Promise<number> {
      const { count } = await db.apiKey.updateMany({
        where: { ...ownKeys(membership), status: 'ACTIVE' },
        data: { status: 'SUSPENDED', ...CHANGED },
      });
      return count;
    },

    /** Returns how many keys work again. */
    async resume(membership: PersonsMembership): Promise<number> {
      const { count } = await db.apiKey.updateMany({
        where: { ...ownKeys(membership), status: 'SUSPENDED' },
        data: { status: 'ACTIVE', ...CHANGED },
      });
      return count;
    },

    /** Returns how many keys are dead for good. */
    async revoke(membership: PersonsMembership, at: Date): Promise<number> {
      const { count } = await db.apiKey.updateMany({
        where: { ...ownKeys(membership), revokedAt: null },
        data: { status: 'REVOKED', revokedAt: at, ...CHANGED },
      });
      return count;
    },
  };
}
