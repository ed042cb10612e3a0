import { parseUuid, type Uuid } from '@weir/kernel/ids';
import type { Db } from '@weir/prisma/database';

/** How a transaction finds whose identity it is, before anything else is known. */
export const credentialOfIdentity = (providerId: Uuid, subject: string): string => `${providerId} ${subject}`;

export function createOidcIdentityStore(db: Db) {
  return {
    async userOf(providerId: Uuid, subject: string): Promise<Uuid | undefined> {
      const row = await db.oidcIdentity.findUnique({
        where: { providerId_subject: { providerId, subject } },
        select: { userId: true },
      });
      return row ? parseUuid(row.userId) : undefined;
    },

    countOf: (userId: Uuid): Promise<number> => db.oidcIdentity.count({ where: { userId } }),

    /** False when somebody has this identity already. */
    async insert(providerId: Uuid, subject: string, userId: Uuid): Promise<boolean> {
      const { count } = await db.oidcIdentity.createMany({
        data: [{ providerId, subject, userId }],
        skipDuplicates: true,
      });
      return count === 1;
    },
  };
}
