import type { Prisma } from '@weir/prisma/client';
import type { Db } from '@weir/prisma/database';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import { LIMIT_COLUMNS, limitsOfRow, rowOfLimits } from '../access/access-record.ts';
import type { Limits } from '../access/limits.ts';
import { ORGANIZATION_STATUSES, type Organization } from './organization.ts';

const COLUMNS = {
  id: true,
  slug: true,
  name: true,
  status: true,
  timeZone: true,
  version: true,
  createdAt: true,
  ...LIMIT_COLUMNS,
} as const;

type Row = Prisma.OrganizationGetPayload<{ select: typeof COLUMNS }>;

function toOrganization(row: Row): Organization {
  // A status that this version does not know must not let anybody in.
  const status = ORGANIZATION_STATUSES.find((known) => known === row.status) ?? 'CLOSED';
  return { ...row, ...limitsOfRow(row), id: parseUuid(row.id), status };
}

export type NewOrganization = Pick<Organization, 'id' | 'slug' | 'name' | 'timeZone'>;
export type OrganizationSettings = Pick<Organization, 'name' | 'timeZone'> & Limits;

export function createOrganizationStore(db: Db) {
  return {
    async byIds(ids: readonly Uuid[]): Promise<Organization[]> {
      const rows = await db.organization.findMany({ where: { id: { in: [...ids] } }, select: COLUMNS });
      return rows.map(toOrganization);
    },

    async insert(organization: NewOrganization): Promise<void> {
      await db.organization.createMany({ data: [organization] });
    },

    /** The organization, kept from changing until the transaction ends. */
    async lock(id: Uuid): Promise<Organization | undefined> {
      await db.$executeRaw`select 1 from identity.organizations where id = ${id}::uuid for no key update`;
      return (await this.byIds([id])).at(0);
    },

    async update(id: Uuid, { name, timeZone, ...limits }: OrganizationSettings): Promise<void> {
      await db.organization.updateMany({
        where: { id },
        data: { name, timeZone, ...rowOfLimits(limits), version: { increment: 1 } },
      });
    },
  };
}
