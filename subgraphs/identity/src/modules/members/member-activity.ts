import type { Db } from '@weir/prisma/database';
import { parseUuid, type Uuid } from '@weir/kernel/ids';

export interface LastSignIn {
  /** The membership. */
  readonly id: Uuid;
  readonly at: Date;
}

export interface MfaEnrollment {
  /** The user. */
  readonly id: Uuid;
}

/** What members did, as far as the transaction's organization may know it. */
export function createMemberActivity(db: Db) {
  return {
    /** Nothing for memberships whose person has no session that is still known. */
    async lastSignIns(membershipIds: readonly Uuid[]): Promise<LastSignIn[]> {
      const rows = await db.$queryRaw<{ id: string; at: Date }[]>`
        select m.id, max(s.created_at) as at
        from identity.memberships m
        join identity.sessions s on s.user_id = m.user_id and s.organization_id = m.organization_id
        where m.id = any (${[...membershipIds]}::uuid[])
        group by m.id`;
      return rows.map(({ id, at }) => ({ id: parseUuid(id), at }));
    },

    /** Those who have enrolled a second factor: of the organization's members, and oneself. */
    async mfaEnrollments(userIds: readonly Uuid[]): Promise<MfaEnrollment[]> {
      const rows = await db.$queryRaw<{ id: string }[]>`
        select id from identity.enrolled_people(${[...userIds]}::uuid[]) as id`;
      return rows.map(({ id }) => ({ id: parseUuid(id) }));
    },
  };
}
