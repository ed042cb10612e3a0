import type { Prisma } from '@weir/prisma/client';
import type { Db } from '@weir/prisma/database';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import type { AddressProof } from './address-proof.ts';

const COLUMNS = {
  id: true,
  email: true,
  displayName: true,
  organizationName: true,
  passwordHash: true,
  slug: true,
  timeZone: true,
  userId: true,
  expiresAt: true,
} as const;

type Row = Prisma.AddressProofGetPayload<{ select: typeof COLUMNS }>;

function toProof({ passwordHash, slug, timeZone, ...row }: Row): AddressProof {
  const founding =
    passwordHash === null || slug === null || timeZone === null ? null : { passwordHash, slug, timeZone };
  const userId = row.userId === null ? null : parseUuid(row.userId);
  return { ...row, id: parseUuid(row.id), founding, userId };
}

export function createAddressProofStore(db: Db) {
  return {
    async insert({ founding, ...proof }: AddressProof, tokenHash: Buffer, at: Date): Promise<void> {
      await db.addressProof.createMany({
        data: [{ ...proof, ...founding, tokenHash: new Uint8Array(tokenHash), createdAt: at }],
      });
    },

    /** Kept from being used twice until the transaction ends. Undefined when there is none, or it has expired. */
    async take(tokenHash: Buffer, now: Date): Promise<AddressProof | undefined> {
      const hash = new Uint8Array(tokenHash);
      await db.$executeRaw`select 1 from identity.address_proofs where token_hash = ${hash} for update`;
      const row = await db.addressProof.findUnique({ where: { tokenHash: hash }, select: COLUMNS });
      return row && now < row.expiresAt ? toProof(row) : undefined;
    },

    /** The latest of an address that has not expired. */
    async latestOf(email: string, now: Date): Promise<AddressProof | undefined> {
      const row = await db.addressProof.findFirst({
        where: { email, expiresAt: { gt: now } },
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        select: COLUMNS,
      });
      return row ? toProof(row) : undefined;
    },

    /** The token before is worth nothing from here on. */
    async replaceToken(id: Uuid, tokenHash: Buffer, expiresAt: Date): Promise<void> {
      await db.addressProof.updateMany({
        where: { id },
        data: { tokenHash: new Uint8Array(tokenHash), expiresAt },
      });
    },

    async remove(id: Uuid): Promise<void> {
      await db.addressProof.deleteMany({ where: { id } });
    },
  };
}

/** Forgets what nobody has proven in time. */
export async function purgeAddressProofs(db: Db, nowMs: number): Promise<void> {
  await db.$executeRaw`select identity.purge_address_proofs(${new Date(nowMs)}::timestamptz)`;
}
