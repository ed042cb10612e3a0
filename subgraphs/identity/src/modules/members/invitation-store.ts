import type { Prisma } from '@weir/prisma/client';
import type { Db } from '@weir/prisma/database';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import type { CreationPosition } from '../../creation-order.ts';
import { toInvitationStatus, type Invitation, type InvitationStatus } from './invitation.ts';

/** Everything but the hash of the token. */
const COLUMNS = {
  id: true,
  organizationId: true,
  email: true,
  message: true,
  status: true,
  invitedBy: true,
  createdAt: true,
  sentAt: true,
  expiresAt: true,
  settledAt: true,
} as const;

type Row = Prisma.InvitationGetPayload<{ select: typeof COLUMNS }>;

function toInvitation(row: Row): Invitation {
  return {
    ...row,
    id: parseUuid(row.id),
    organizationId: parseUuid(row.organizationId),
    invitedBy: parseUuid(row.invitedBy),
    status: toInvitationStatus(row.status),
  };
}

const bytes = (hash: Buffer): Uint8Array<ArrayBuffer> => new Uint8Array(hash);

export type NewInvitation = Omit<Invitation, 'status' | 'settledAt'> & { readonly tokenHash: Buffer };

export interface InvitationQuery {
  readonly organizationId: Uuid;
  /** Undefined for every status. */
  readonly status: InvitationStatus | undefined;
  readonly after: CreationPosition | undefined;
  readonly take: number;
}

export function createInvitationStore(db: Db) {
  return {
    async byIds(ids: readonly Uuid[]): Promise<Invitation[]> {
      const rows = await db.invitation.findMany({ where: { id: { in: [...ids] } }, select: COLUMNS });
      return rows.map(toInvitation);
    },

    /** In a transaction that presents the hash as its credential. */
    async byTokenHash(hash: Buffer): Promise<Invitation | undefined> {
      const row = await db.invitation.findUnique({ where: { tokenHash: bytes(hash) }, select: COLUMNS });
      return row ? toInvitation(row) : undefined;
    },

    /** As `byTokenHash`, kept from changing until the transaction ends, of the transaction's organization. */
    async lockByTokenHash(hash: Buffer): Promise<Invitation | undefined> {
      await db.$executeRaw`select 1 from identity.invitations where token_hash = ${bytes(hash)} for update`;
      return this.byTokenHash(hash);
    },

    /** The newest first. */
    async list({ organizationId, status, after, take }: InvitationQuery): Promise<Invitation[]> {
      const rows = await db.invitation.findMany({
        where: {
          organizationId,
          ...(status === undefined ? {} : { status }),
          ...(after === undefined
            ? {}
            : {
                OR: [
                  { createdAt: { lt: after.createdAt } },
                  { createdAt: after.createdAt, id: { lt: after.id } },
                ],
              }),
        },
        select: COLUMNS,
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        take,
      });
      return rows.map(toInvitation);
    },

    async insert({ tokenHash, ...invitation }: NewInvitation): Promise<void> {
      await db.invitation.createMany({ data: [{ ...invitation, tokenHash: bytes(tokenHash) }] });
    },

    /** The former token is worthless from now on. */
    async renew(id: Uuid, tokenHash: Buffer, sentAt: Date, expiresAt: Date): Promise<void> {
      await db.invitation.updateMany({
        where: { id, status: 'PENDING' },
        data: { tokenHash: bytes(tokenHash), sentAt, expiresAt },
      });
    },

    async settle(id: Uuid, status: 'ACCEPTED' | 'REVOKED', settledAt: Date): Promise<void> {
      await db.invitation.updateMany({ where: { id, status: 'PENDING' }, data: { status, settledAt } });
    },
  };
}
