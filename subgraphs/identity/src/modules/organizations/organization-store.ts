import type { Prisma } from '@weir/prisma/client';
import type { Db } from '@weir/prisma/database';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import { ORGANIZATION_STATUSES, type Organization } from './organization.ts';

const COLUMNS = { id: true, slug: true, name: true, status: true, timeZone: true, createdAt: true } as const;

type Row = Prisma.OrganizationGetPayload<{ select: typeof COLUMNS }>;

function toOrganization(row: Row): Organization {
  // A status that this version does not know must not let anybody in.
  const status = ORGANIZATION_STATUSES.find((known) => known === row.status) ?? 'CLOSED';
  return { ...row, id: parseUuid(row.id), status };
}

export type NewOrganization = Pick<Organization, 'id' | 'slug' | 'name' | 'timeZone'>;

export function createOrganizationStore(db: Db) {
  return {
    async byIds(ids: readonly Uuid[]): Promise<Organization[]> {
      const rows = await db.organization.findMany({ where: { id: { in: [...ids] } }, select: COLUMNS });
      return rows.map(toOrganization);
    },

    async insert(organization: NewOrganization): Promise<void> {
      await db.organization.createMany({ data: [organization] });
    },
  };
}
