import type { Prisma } from '@weir/prisma/client';
import type { Db } from '@weir/prisma/database';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import type { StoredPasskey } from './passkey.ts';

type Row = Prisma.PasskeyGetPayload<object>;

function toPasskey(row: Row): StoredPasskey {
  return {
    ...row,
    id: parseUuid(row.id),
    userId: parseUuid(row.userId),
    credentialId: Buffer.from(row.credentialId),
    counter: Number(row.counter),
  };
}

export type NewPasskey = Omit<StoredPasskey, 'lastUsedAt'>;

export function createPasskeyStore(db: Db) {
  return {
    /** Oldest first. */
    async allOf(userId: Uuid): Promise<StoredPasskey[]> {
      const rows = await db.passkey.findMany({
        where: { userId },
        orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
      });
      return rows.map(toPasskey);
    },

    countOf: (userId: Uuid): Promise<number> => db.passkey.count({ where: { userId } }),

    async byCredential(credentialId: Buffer): Promise<StoredPasskey | undefined> {
      const row = await db.passkey.findUnique({ where: { credentialId: new Uint8Array(credentialId) } });
      return row ? toPasskey(row) : undefined;
    },

    /** False when the credential is registered already, to whomever. */
    async insert(passkey: NewPasskey): Promise<boolean> {
      const { count } = await db.passkey.createMany({
        data: [
          {
            ...passkey,
            credentialId: new Uint8Array(passkey.credentialId),
            counter: BigInt(passkey.counter),
            transports: [...passkey.transports],
          },
        ],
        skipDuplicates: true,
      });
      return count === 1;
    },

    /** Counts a signature; false when one with the same or a higher count was accepted before. */
    async use(id: Uuid, counter: number, isBackedUp: boolean, at: Date): Promise<boolean> {
      const isNewer = counter === 0 ? { counter: 0n } : { counter: { lt: BigInt(counter) } };
      const { count } = await db.passkey.updateMany({
        where: { id, ...isNewer },
        data: { counter: BigInt(counter), isBackedUp, lastUsedAt: at },
      });
      return count === 1;
    },

    async rename(userId: Uuid, id: Uuid, name: string): Promise<StoredPasskey | undefined> {
      await db.passkey.updateMany({ where: { id, userId }, data: { name } });
      const row = await db.passkey.findFirst({ where: { id, userId } });
      return row ? toPasskey(row) : undefined;
    },

    /** The passkey that went. */
    async remove(userId: Uuid, id: Uuid): Promise<StoredPasskey | undefined> {
      const row = await db.passkey.findFirst({ where: { id, userId } });
      const { count } = await db.passkey.deleteMany({ where: { id, userId } });
      return row && count === 1 ? toPasskey(row) : undefined;
    },
  };
}
