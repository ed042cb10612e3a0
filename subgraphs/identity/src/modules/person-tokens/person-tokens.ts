import { createHash, randomBytes } from 'node:crypto';
import { newUuid, parseUuid, type Uuid } from '@weir/kernel/ids';
import type { Database, Db } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';

/** A token that a mail carried, as whoever presents it finds it. */
export interface PersonToken {
  readonly id: Uuid;
  readonly userId: Uuid;
  /** Of a change of address. */
  readonly newEmail: string | null;
}

export type PersonTokenKind = 'PASSWORD_RESET' | 'EMAIL_CHANGE';

const LIFE_MS = 24 * 60 * 60_000;
const TOKEN_LENGTH_MAX = 128;

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();

/** The unused and unexpired token of a kind, before anything is known of who presents it. */
export async function findPersonToken(
  db: Database,
  kind: PersonTokenKind,
  token: string,
  now: Date,
): Promise<PersonToken | undefined> {
  if (token.length > TOKEN_LENGTH_MAX) return undefined;
  const tokenHash = hashOf(token);
  const row = await withTenant(db, { credential: tokenHash.toString('hex') }, (tx) =>
    tx.personToken.findFirst({
      where: { tokenHash: new Uint8Array(tokenHash), kind, usedAt: null, expiresAt: { gt: now } },
      select: { id: true, userId: true, newEmail: true },
    }),
  );
  return row ? { ...row, id: parseUuid(row.id), userId: parseUuid(row.userId) } : undefined;
}

/** In a transaction that sees the person's own rows. */
export function createPersonTokens(db: Db) {
  return {
    /**
     * A new token of 256 random bits, good once and for 24 hours; those of its kind before are worth nothing any more.
     * The mail alone carries it.
     */
    async issue(
      userId: Uuid,
      kind: PersonTokenKind,
      at: Date,
      newEmail: string | null = null,
    ): Promise<string> {
      await this.useAll(userId, kind, at);
      const token = randomBytes(32).toString('base64url');
      await db.personToken.createMany({
        data: [
          {
            id: newUuid(at.getTime()),
            userId,
            kind,
            tokenHash: new Uint8Array(hashOf(token)),
            newEmail,
            createdAt: at,
            expiresAt: new Date(at.getTime() + LIFE_MS),
          },
        ],
      });
      return token;
    },

    /** Of several that use it at the same time one succeeds; false for the others, and after its end. */
    async use(id: Uuid, at: Date): Promise<boolean> {
      const { count } = await db.personToken.updateMany({
        where: { id, usedAt: null, expiresAt: { gt: at } },
        data: { usedAt: at },
      });
      return count === 1;
    },

    /** All that wait are worth nothing from here on. */
    async useAll(userId: Uuid, kind: PersonTokenKind, at: Date): Promise<void> {
      await db.personToken.updateMany({ where: { userId, kind, usedAt: null }, data: { usedAt: at } });
    },
  };
}

/** Forgets what has expired. */
export async function purgePersonTokens(db: Db, nowMs: number): Promise<void> {
  await db.$executeRaw`select identity.purge_person_tokens(${new Date(nowMs)}::timestamptz)`;
}
