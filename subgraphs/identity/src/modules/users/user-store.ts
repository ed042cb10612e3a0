import { PLATFORM_ROLES, type PlatformRole } from '@weir/contracts/platform-matrix';
import type { Prisma } from '@weir/prisma/client';
import type { Db } from '@weir/prisma/database';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import type { SystemRole } from '@weir/contracts/permission-matrix';
import { MEMBERSHIP_COLUMNS, membershipsOfRow } from '../members/membership-record.ts';
import { isPersons, type PersonsMembership } from '../members/membership.ts';
import { toPersonStatus, type User } from './user.ts';

const USER = {
  id: true,
  email: true,
  displayName: true,
  status: true,
  platformRole: true,
  breakGlassUntil: true,
  createdAt: true,
} as const;

type UserRow = Prisma.UserGetPayload<{ select: typeof USER }>;

function toUser(row: UserRow): User {
  // A role that this version does not know grants nothing.
  const platformRole = PLATFORM_ROLES.find((known) => known === row.platformRole) ?? null;
  return { ...row, id: parseUuid(row.id), status: toPersonStatus(row.status), platformRole };
}

export interface Credentials {
  readonly email: string;
  readonly passwordHash: string | null;
}

export interface NewUser {
  readonly id: Uuid;
  readonly email: string;
  readonly displayName: string;
  /** Null for a person who signs in elsewhere. */
  readonly passwordHash: string | null;
  readonly platformRole?: PlatformRole;
}

export interface NewMembership extends Pick<PersonsMembership, 'id' | 'organizationId' | 'userId'> {
  readonly role: SystemRole;
}

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
    async membershipsOfAll(userIds: readonly Uuid[]): Promise<PersonsMembership[]> {
      const rows = await db.membership.findMany({
        where: { userId: { in: [...userIds] } },
        select: MEMBERSHIP_COLUMNS,
        orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
      });
      return rows.flatMap(membershipsOfRow).filter(isPersons);
    },

    async insert(user: NewUser): Promise<void> {
      await db.user.createMany({ data: [user] });
    },

    /** Somebody who has yet to come and choose a password. */
    async expect(user: Pick<NewUser, 'id' | 'email' | 'displayName'>): Promise<void> {
      await db.user.createMany({ data: [{ ...user, status: 'INVITED' }] });
    },

    /** Somebody who was expected has come, and chosen a password. */
    async activate(id: Uuid, passwordHash: string): Promise<void> {
      await db.user.updateMany({ where: { id }, data: { status: 'ACTIVE', passwordHash } });
    },

    async setPasswordHash(id: Uuid, passwordHash: string): Promise<void> {
      await db.user.updateMany({ where: { id }, data: { passwordHash } });
    },

    /** @throws when somebody else has the address; see `isUniqueViolation`. */
    async setEmail(id: Uuid, email: string): Promise<void> {
      await db.user.updateMany({ where: { id }, data: { email } });
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
