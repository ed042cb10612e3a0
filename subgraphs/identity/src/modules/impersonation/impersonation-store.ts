import type { Prisma } from '@weir/prisma/client';
import type { Db } from '@weir/prisma/database';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import type { CreationPosition } from '../../creation-order.ts';
import type { Impersonation } from './impersonation.ts';

type Row = Prisma.ImpersonationGetPayload<object>;

function toImpersonation(row: Row): Impersonation {
  return {
    ...row,
    id: parseUuid(row.id),
    organizationId: parseUuid(row.organizationId),
    consentId: parseUuid(row.consentId),
    supportUserId: parseUuid(row.supportUserId),
    sessionId: parseUuid(row.sessionId),
  };
}

type ExpiredImpersonation = Pick<Impersonation, 'id' | 'organizationId' | 'supportEmail' | 'expiresAt'>;

interface ExpiredRow {
  readonly id: string;
  readonly organization_id: string;
  readonly support_email: string;
  readonly expires_at: Date;
}

export interface NewConsent {
  readonly id: Uuid;
  readonly organizationId: Uuid;
  readonly grantedBy: Uuid;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

export function createImpersonationStore(db: Db) {
  return {
    async insertConsent(consent: NewConsent, tokenHash: Buffer): Promise<void> {
      await db.supportConsent.createMany({ data: [{ ...consent, tokenHash: new Uint8Array(tokenHash) }] });
    },

    /** Uses a consent of the organization up. Undefined when there is none, or it was used or has expired. */
    async useConsent(organizationId: Uuid, tokenHash: Buffer, now: Date): Promise<Uuid | undefined> {
      const [used] = await db.supportConsent.updateManyAndReturn({
        where: { organizationId, tokenHash: new Uint8Array(tokenHash), usedAt: null, expiresAt: { gt: now } },
        data: { usedAt: now },
        select: { id: true },
      });
      return used && parseUuid(used.id);
    },

    /** In a transaction: makes others wait who begin one as the same person. */
    async lockPerson(supportUserId: Uuid): Promise<void> {
      await db.$executeRaw`select pg_advisory_xact_lock(hashtextextended('identity.impersonation:' || ${supportUserId}, 0))`;
    },

    async activeOf(supportUserId: Uuid, now: Date): Promise<Impersonation | undefined> {
      const row = await db.impersonation.findFirst({
        where: { supportUserId, endedAt: null, expiresAt: { gt: now } },
      });
      return row ? toImpersonation(row) : undefined;
    },

    async byId(id: Uuid): Promise<Impersonation | undefined> {
      const row = await db.impersonation.findUnique({ where: { id } });
      return row ? toImpersonation(row) : undefined;
    },

    async insert(impersonation: Impersonation): Promise<void> {
      await db.impersonation.createMany({ data: [impersonation] });
    },

    /** False when it had ended already. */
    async end(id: Uuid, at: Date): Promise<boolean> {
      const { count } = await db.impersonation.updateMany({
        where: { id, endedAt: null, expiryRecordedAt: null, expiresAt: { gt: at } },
        data: { endedAt: at },
      });
      return count === 1;
    },

    /** Of any organization: one that ended by itself and is not in the trail, which this transaction has to put there. */
    async takeExpired(now: Date): Promise<ExpiredImpersonation | undefined> {
      const [row] = await db.$queryRaw<ExpiredRow[]>`
        select id, organization_id, support_email, expires_at from identity.take_expired_impersonation(${now})`;
      return (
        row && {
          id: parseUuid(row.id),
          organizationId: parseUuid(row.organization_id),
          supportEmail: row.support_email,
          expiresAt: row.expires_at,
        }
      );
    },

    /** The latest first. */
    async list(
      organizationId: Uuid,
      after: CreationPosition | undefined,
      take: number,
    ): Promise<Impersonation[]> {
      const before = after && [
        { createdAt: { lt: after.createdAt } },
        { createdAt: after.createdAt, id: { lt: after.id } },
      ];
      const rows = await db.impersonation.findMany({
        where: { organizationId, ...(before ? { OR: before } : {}) },
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        take,
      });
      return rows.map(toImpersonation);
    },
  };
}
