import { z } from 'zod';
import { sealedSecretSchema, type SealedSecret } from '@weir/contracts/policy-snapshot';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import type { Db } from '@weir/prisma/database';

const publicJwkSchema = z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string() });

export type PublicJwk = z.output<typeof publicJwkSchema>;

/** A key pair that signs access tokens. */
export interface SigningKey {
  readonly id: Uuid;
  readonly publicJwk: PublicJwk;
  readonly sealedPrivate: SealedSecret;
  readonly createdAt: Date;
  /** Until then it is only published, so that everybody who proves tokens knows it before its first one. */
  readonly signsFrom: Date;
  /** From then on it signs nothing; what it has signed stays valid until it expires. */
  readonly retiredAt: Date | null;
}

/** Any number that nobody else uses for an advisory lock: "wrsk" in ASCII. */
const CREATION_LOCK = 0x7772736b;

export function createSigningKeyStore(db: Db) {
  return {
    /** In a transaction: lets one process at a time decide whether a key must be made. */
    async lockCreation(): Promise<void> {
      await db.$executeRaw`select pg_advisory_xact_lock(${CREATION_LOCK}::bigint)`;
    },

    /** The newest first. */
    async all(): Promise<SigningKey[]> {
      const rows = await db.signingKey.findMany({
        where: { algorithm: 'EdDSA' },
        select: {
          id: true,
          publicJwk: true,
          sealedPrivate: true,
          createdAt: true,
          signsFrom: true,
          retiredAt: true,
        },
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
      });
      return rows.map((row) => ({
        ...row,
        id: parseUuid(row.id),
        publicJwk: publicJwkSchema.parse(row.publicJwk),
        sealedPrivate: sealedSecretSchema.parse(row.sealedPrivate),
      }));
    },

    async insert(key: Omit<SigningKey, 'retiredAt'>): Promise<void> {
      await db.signingKey.createMany({ data: [{ ...key, algorithm: 'EdDSA' }] });
    },

    /** Every key that is not retired by then; one that was to retire later does so now. */
    async retireAllBut(id: Uuid, at: Date): Promise<void> {
      await db.signingKey.updateMany({
        where: { id: { not: id }, OR: [{ retiredAt: null }, { retiredAt: { gt: at } }] },
        data: { retiredAt: at },
      });
    },

    /** Forgets keys of which nothing is valid any more. */
    async removeRetired(before: Date): Promise<void> {
      await db.signingKey.deleteMany({ where: { retiredAt: { lt: before } } });
    },
  };
}
