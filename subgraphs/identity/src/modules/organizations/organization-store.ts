import type { Prisma } from '@weir/prisma/client';
import type { Db } from '@weir/prisma/database';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import { organizationSettingsSchema } from '../organization-settings/organization-settings.ts';
import { PLAN_TIERS } from '../plans/plan.ts';
import { LIMIT_COLUMNS, limitsOfRow, rowOfLimits } from '../access/access-record.ts';
import type { Limits } from '../access/limits.ts';
import { addressSchema, contactsSchema } from './organization-profile.ts';
import { ORGANIZATION_STATUSES, type Organization } from './organization.ts';

const COLUMNS = {
  id: true,
  slug: true,
  name: true,
  status: true,
  planTier: true,
  description: true,
  website: true,
  contacts: true,
  address: true,
  timeZone: true,
  currency: true,
  settings: true,
  version: true,
  createdAt: true,
  deletedAt: true,
  ...LIMIT_COLUMNS,
} as const;

type Row = Prisma.OrganizationGetPayload<{ select: typeof COLUMNS }>;

function toOrganization(row: Row): Organization {
  // A status that this version does not know must not let anybody in.
  const status = ORGANIZATION_STATUSES.find((known) => known === row.status) ?? 'CLOSED';
  // A plan that this version does not know allows the least.
  const planTier = PLAN_TIERS.find((known) => known === row.planTier) ?? 'STARTER';
  return {
    ...row,
    ...limitsOfRow(row),
    id: parseUuid(row.id),
    status,
    planTier,
    contacts: contactsSchema.parse(row.contacts),
    address: addressSchema.nullable().parse(row.address),
    settings: organizationSettingsSchema.parse(row.settings),
  };
}

export type NewOrganization = Pick<Organization, 'id' | 'slug' | 'name' | 'timeZone' | 'planTier'>;
export type OrganizationChanges = Pick<Organization, 'name' | 'timeZone'> & Limits;

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

    async update(id: Uuid, { name, timeZone, ...limits }: OrganizationChanges): Promise<void> {
      await db.organization.updateMany({
        where: { id },
        data: { name, timeZone, ...rowOfLimits(limits), version: { increment: 1 } },
      });
    },
  };
}
