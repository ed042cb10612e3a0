import type { SystemRole } from '@weir/contracts/permission-matrix';
import type { Db } from '@weir/prisma/database';
import type { Uuid } from '@weir/kernel/ids';
import type { Role } from '../roles/role.ts';
import { MEMBERSHIP_COLUMNS, membershipsOfRow } from './membership-record.ts';
import type { Membership, PersonsMembership, Suspension } from './membership.ts';

export type InvitedMembership = Pick<Membership, 'id' | 'organizationId' | 'role'> & {
  readonly email: string;
  readonly createdAt: Date;
};

function columnsOf(role: Role): { readonly role: SystemRole | 'CUSTOM'; readonly customRoleId: Uuid | null } {
  return role.kind === 'SYSTEM'
    ? { role: role.name, customRoleId: null }
    : { role: 'CUSTOM', customRoleId: role.id };
}

const CHANGED = { version: { increment: 1 } } as const;
const NOT_SUSPENDED = { suspendedAt: null, suspensionReason: null } as const;

/** The members of an organization, within transactions of that organization. */
export function createMembershipStore(db: Db) {
  return {
    async byIds(ids: readonly Uuid[]): Promise<Membership[]> {
      const rows = await db.membership.findMany({
        where: { id: { in: [...ids] } },
        select: MEMBERSHIP_COLUMNS,
      });
      return rows.flatMap(membershipsOfRow);
    },

    async byId(id: Uuid): Promise<Membership | undefined> {
      return (await this.byIds([id])).at(0);
    },

    /** Of a person, of any status. */
    async ofUser(organizationId: Uuid, userId: Uuid): Promise<Membership | undefined> {
      const row = await db.membership.findUnique({
        where: { userId_organizationId: { userId, organizationId } },
        select: MEMBERSHIP_COLUMNS,
      });
      return row ? membershipsOfRow(row).at(0) : undefined;
    },

    /** Whether the address is a member's, or is invited. */
    async byEmail(organizationId: Uuid, email: string): Promise<Membership | undefined> {
      const row = await db.membership.findFirst({
        where: { organizationId, OR: [{ email }, { user: { email } }] },
        select: MEMBERSHIP_COLUMNS,
      });
      return row ? membershipsOfRow(row).at(0) : undefined;
    },

    countInvited: (organizationId: Uuid): Promise<number> =>
      db.membership.count({ where: { organizationId, status: 'INVITED' } }),

    /** How many Owners can act, but for one membership. */
    otherOwners: ({ id, organizationId }: Membership): Promise<number> =>
      db.membership.count({
        where: {
          organizationId,
          role: 'OWNER',
          status: 'ACTIVE',
          id: { not: id },
          user: { status: 'ACTIVE' },
        },
      }),

    async insertInvited({ role, ...membership }: InvitedMembership): Promise<void> {
      await db.membership.createMany({ data: [{ ...membership, ...columnsOf(role), status: 'INVITED' }] });
    },

    /** The invited place becomes somebody's. */
    async accept(id: Uuid, userId: Uuid): Promise<void> {
      await db.membership.updateMany({
        where: { id, status: 'INVITED' },
        data: { userId, email: null, status: 'ACTIVE', ...CHANGED },
      });
    },

    async setRole(id: Uuid, role: Role): Promise<void> {
      await db.membership.updateMany({ where: { id }, data: { ...columnsOf(role), ...CHANGED } });
    },

    async suspend(id: Uuid, { at, reason }: Suspension): Promise<void> {
      await db.membership.updateMany({
        where: { id },
        data: { status: 'SUSPENDED', suspendedAt: at, suspensionReason: reason, ...CHANGED },
      });
    },

    async reactivate(id: Uuid): Promise<void> {
      await db.membership.updateMany({
        where: { id },
        data: { status: 'ACTIVE', ...NOT_SUSPENDED, ...CHANGED },
      });
    },

    async delete(id: Uuid): Promise<void> {
      await db.membership.deleteMany({ where: { id } });
    },

    /** Ends what the person does in the organization; their sessions elsewhere go on. */
    async endSessions({ organizationId, userId }: PersonsMembership, at: Date): Promise<void> {
      await db.session.updateMany({
        where: { organizationId, userId, revokedAt: null },
        data: { revokedAt: at },
      });
    },
  };
}
