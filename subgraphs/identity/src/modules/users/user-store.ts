import { PLATFORM_ROLES, type PlatformRole } from '@weir/contracts/platform-matrix';
import type { Prisma } from '@weir/prisma/client';
import type { Db } from '@weir/prisma/database';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import { isSystemRole } from '@weir/contracts/permission-matrix';
import { PERSON_STATUSES, type Membership, type PersonStatus, type User } from './user.ts';

const USER = {
  id: true,
  email: true,
  displayName: true,
  status: true,
  platformRole: true,
  createdAt: true,
} as const;
const MEMBERSHIP = {
  id: true,
  organizationId: true,
  userId: true,
  role: true,
  status: true,
  createdAt: true,
} as const;

type UserRow = Prisma.UserGetPayload<{ select: typeof USER }>;
type MembershipRow = Prisma.MembershipGetPayload<{ select: typeof MEMBERSHIP }>;

/** A status that this version does not know lets nobody in. */
const toStatus = (status: string): PersonStatus =>
  PERSON_STATUSES.find((known) => known === status) ?? 'SUSPENDED';

function toUser(row: UserRow): User {
  // A role that this version does not know grants nothing.
  const platformRole = PLATFORM_ROLES.find((known) => known === row.platformRole) ?? null;
  return { ...row, id: parseUuid(row.id), status: toStatus(row.status), platformRole };
}

/** A role that this version does not know grants nothing: the membership is left out. */
function toMembership(row: MembershipRow): Membership[] {
  if (!isSystemRole(row.role)) return [];
  const ids = {
    id: parseUuid(row.id),
    organizationId: parseUuid(row.organizationId),
    userId: parseUuid(row.userId),
  };
  return [{ ...ids, role: row.role, status: toStatus(row.status), createdAt: row.createdAt }];
}

export interface Credentials {
  readonly email: string;
  readonly passwordHash: string | null;
}

export interface NewUser {
  readonly id: Uuid;
  readonly email: string;
  readonly displayName: string;
  readonly passwordHash: string;
  readonly platformRole?: PlatformRole;
}

export type NewMembership = Pick<Membership, 'id' | 'organizationId' | 'userId' | 'role'>;

export function createUserStore(db: Db) {
  return {
    async byIds(ids: readonly Uuid[]): Promise<User[]> {
      const rows = await db.user.findMany({ where: { id: { in: [...ids] } }, select: USER });
      return rows.map(toUser);
    },

    /** With the hash of the password, null where the person has none. */
    async byEmail(email: string): Promise<(User & { readonly passwordHash: string | null }) | undefined> {
      const row = await db.user.findUnique({ where: { email }, select: { ...USER, passwordHash: true } });
      return row ? { ...toUser(row), passwordHash: row.passwordHash } : undefined;
    },

    /** Undefined where there is no such person; the hash is null where they have no password. */
    async credentialsOf(id: Uuid): Promise<Credentials | undefined> {
      const row = await db.user.findUnique({ where: { id }, select: { email: true, passwordHash: true } });
      return row ?? undefined;
    },

    /** Oldest first, of any status. */
    async membershipsOfAll(userIds: readonly Uuid[]): Promise<Membership[]> {
      const rows = await db.membership.findMany({
        where: { userId: { in: [...userIds] } },
        select: MEMBERSHIP,
        orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
      });
      return rows.flatMap(toMembership);
    },

    async insert(user: NewUser): Promise<void> {
      await db.user.createMany({ data: [user] });
    },

    /** Takes or gives the rights of the platform. */
    async setPlatformRole(id: Uuid, platformRole: PlatformRole | null): Promise<void> {
      await db.user.updateMany({ where: { id }, data: { platformRole } });
    },

    async insertMembership(membership: NewMembership): Promise<void> {
      await db.membership.createMany({ data: [membership] });
    },
  };
}
