import { Prisma } from '@weir/prisma/client';
import type { Db } from '@weir/prisma/database';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import { ROLE_COLUMNS, customRoleOfRow } from './role-record.ts';
import { systemRole, type CustomRole, type Role } from './role.ts';
import type { RoleReference } from './role-id.ts';

export type RoleSettings = Pick<CustomRole, 'name' | 'description' | 'permissions'>;
export type NewRole = RoleSettings & Pick<CustomRole, 'id' | 'organizationId'>;

export interface RoleHolders {
  readonly organizationId: Uuid;
  /** The name of a system role or the id of a custom one. */
  readonly role: string;
  readonly count: number;
}

export function createRoleStore(db: Db) {
  return {
    /** Every custom role of the organization, by name. */
    async all(organizationId: Uuid): Promise<CustomRole[]> {
      const rows = await db.customRole.findMany({
        where: { organizationId },
        select: ROLE_COLUMNS,
        orderBy: [{ name: 'asc' }, { id: 'asc' }],
      });
      return rows.map(customRoleOfRow);
    },

    async byIds(ids: readonly Uuid[]): Promise<CustomRole[]> {
      const rows = await db.customRole.findMany({ where: { id: { in: [...ids] } }, select: ROLE_COLUMNS });
      return rows.map(customRoleOfRow);
    },

    /** Undefined when the organization has no such role. */
    async resolve(organizationId: Uuid, reference: RoleReference): Promise<Role | undefined> {
      if (reference.kind === 'SYSTEM') return systemRole(reference.name);
      const [role] = await this.byIds([reference.id]);
      return role?.organizationId === organizationId ? role : undefined;
    },

    /** The role, kept from changing until the transaction ends. */
    async lock(id: Uuid): Promise<CustomRole | undefined> {
      await db.$executeRaw`select 1 from identity.roles where id = ${id}::uuid for update`;
      return (await this.byIds([id])).at(0);
    },

    async insert(role: NewRole): Promise<void> {
      await db.customRole.createMany({ data: [{ ...role, permissions: [...role.permissions] }] });
    },

    async update(id: Uuid, { permissions, ...texts }: RoleSettings): Promise<void> {
      await db.customRole.updateMany({
        where: { id },
        data: { ...texts, permissions: [...permissions], version: { increment: 1 } },
      });
    },

    async delete(id: Uuid): Promise<void> {
      await db.customRole.deleteMany({ where: { id } });
    },

    /** How many members, invited people and service accounts have each role that somebody has. */
    async holders(organizationIds: readonly Uuid[]): Promise<RoleHolders[]> {
      const ids = organizationIds.map((id) => Prisma.sql`${id}::uuid`);
      const rows = await db.$queryRaw<{ organizationId: string; role: string; count: bigint }[]>`
        select organization_id as "organizationId", coalesce(custom_role_id::text, role) as role, count(*) as count
        from (select organization_id, role, custom_role_id from identity.memberships
              union all
              select organization_id, role, custom_role_id from identity.accounts
              where role is not null) holders
        where organization_id in (${Prisma.join(ids)})
        group by 1, 2`;
      return rows.map(({ organizationId, role, count }) => ({
        organizationId: parseUuid(organizationId),
        role,
        count: Number(count),
      }));
    },

    /** Members, invited people and service accounts. */
    async holderCountOf(id: Uuid): Promise<number> {
      const people = await db.membership.count({ where: { customRoleId: id } });
      return people + (await db.account.count({ where: { customRoleId: id } }));
    },
  };
}
