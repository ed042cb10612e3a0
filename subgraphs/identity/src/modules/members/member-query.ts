import { Prisma } from '@weir/prisma/client';
import type { Db } from '@weir/prisma/database';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import type { RoleReference } from '../roles/role-id.ts';
import type { PersonStatus } from '../users/user.ts';

export interface MemberFilter {
  readonly status: PersonStatus | undefined;
  readonly role: RoleReference | undefined;
  /** Part of the name or the address, in any case. */
  readonly text: string | undefined;
}

export const MEMBER_ORDERS = ['NAME', 'EMAIL', 'NEWEST'] as const;

export type MemberOrder = (typeof MEMBER_ORDERS)[number];

/** A member's place in a list. */
export interface MemberPosition {
  readonly key: string;
  readonly id: Uuid;
}

export interface MemberQuery extends MemberFilter {
  readonly organizationId: Uuid;
  readonly order: MemberOrder;
  readonly after: MemberPosition | undefined;
  readonly take: number;
}

const EMAIL = Prisma.sql`coalesce(u.email, m.email)`;
/** Text that sorts as the order asks, in the bytes of "C", so that a cursor means the same everywhere. */
const KEYS: Readonly<Record<MemberOrder, Prisma.Sql>> = {
  NAME: Prisma.sql`lower(coalesce(u.display_name, m.email)) collate "C"`,
  EMAIL: Prisma.sql`${EMAIL} collate "C"`,
  NEWEST: Prisma.sql`to_char(m.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS') collate "C"`,
};

const FROM = Prisma.sql`from identity.memberships m left join identity.users u on u.id = m.user_id`;

/** In a pattern, characters with a meaning stand for themselves. */
const containing = (text: string): string => `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;

function whereOf({
  organizationId,
  status,
  role,
  text,
}: Omit<MemberQuery, 'order' | 'after' | 'take'>): Prisma.Sql {
  const conditions = [Prisma.sql`m.organization_id = ${organizationId}::uuid`];
  if (status !== undefined) conditions.push(Prisma.sql`m.status = ${status}`);
  if (role?.kind === 'SYSTEM') conditions.push(Prisma.sql`m.role = ${role.name}`);
  if (role?.kind === 'CUSTOM') conditions.push(Prisma.sql`m.custom_role_id = ${role.id}::uuid`);
  if (text !== undefined) {
    const pattern = containing(text);
    conditions.push(Prisma.sql`(u.display_name ilike ${pattern} or ${EMAIL} ilike ${pattern})`);
  }
  return Prisma.join(conditions, ' and ');
}

/** Finds members of an organization, within transactions of that organization. */
export function createMemberQueries(db: Db) {
  return {
    /** Their ids and places, in order; the newest first for NEWEST. */
    async page(query: MemberQuery): Promise<MemberPosition[]> {
      const { order, after, take } = query;
      const key = KEYS[order];
      const [comparison, direction] =
        order === 'NEWEST' ? [Prisma.sql`<`, Prisma.sql`desc`] : [Prisma.sql`>`, Prisma.sql`asc`];
      const position = after
        ? Prisma.sql`and (${key}, m.id) ${comparison} (${after.key}, ${after.id}::uuid)`
        : Prisma.empty;
      const rows = await db.$queryRaw<{ id: string; key: string }[]>`
        select m.id, ${key} as key ${FROM} where ${whereOf(query)} ${position}
        order by ${key} ${direction}, m.id ${direction} limit ${take}`;
      return rows.map((row) => ({ id: parseUuid(row.id), key: row.key }));
    },

    async count(query: MemberFilter & { readonly organizationId: Uuid }): Promise<number> {
      const [row] = await db.$queryRaw<{ count: bigint }[]>`
        select count(*) as count ${FROM} where ${whereOf(query)}`;
      return Number(row?.count ?? 0);
    },
  };
}
