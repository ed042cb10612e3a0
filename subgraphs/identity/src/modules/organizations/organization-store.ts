import { Prisma } from '@weir/prisma/client';
import type { Db } from '@weir/prisma/database';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import { organizationSettingsSchema } from '../organization-settings/organization-settings.ts';
import { PLAN_TIERS } from '../plans/plan.ts';
import { LIMIT_COLUMNS, limitsOfRow, rowOfLimits } from '../access/access-record.ts';
import type { CreationPosition } from '../../creation-order.ts';
import type { Changeable } from './organization-fields.ts';
import { addressSchema, contactsSchema } from './organization-profile.ts';
import { ORGANIZATION_STATUSES, type Organization, type OrganizationStatus } from './organization.ts';

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
export interface OrganizationFilter {
  /** A part of the name or the slug, in any case. */
  readonly search?: string | undefined;
  readonly status?: OrganizationStatus | undefined;
}

/** A text to search for, without the characters that a pattern gives a meaning. */
function asLiteral(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}

/** Columns of what is to change. */
function columnsOf({ limits, modelLimits, contacts, address, settings, ...plain }: Partial<Changeable>) {
  return {
    ...plain,
    ...(limits === undefined ? {} : { limits: { ...limits } }),
    ...(modelLimits === undefined
      ? {}
      : { modelLimits: rowOfLimits({ limits: {}, modelLimits }).modelLimits }),
    ...(contacts === undefined ? {} : { contacts: { ...contacts } }),
    // Absent is the database's null, not JSON's.
    ...(address === undefined ? {} : { address: address === null ? Prisma.DbNull : { ...address } }),
    ...(settings === undefined ? {} : { settings: { ...settings } }),
  };
}

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

    async bySlug(slug: string): Promise<Organization | undefined> {
      const row = await db.organization.findUnique({ where: { slug }, select: COLUMNS });
      return row ? toOrganization(row) : undefined;
    },

    /** The oldest first. */
    async list(
      filter: OrganizationFilter,
      after: CreationPosition | undefined,
      take: number,
    ): Promise<Organization[]> {
      const { search, status } = filter;
      const matching =
        search === undefined ? [] : [{ contains: asLiteral(search), mode: 'insensitive' as const }];
      const rows = await db.organization.findMany({
        where: {
          AND: [
            ...matching.map((text) => ({ OR: [{ name: text }, { slug: text }] })),
            ...(status === undefined ? [] : [{ status }]),
            ...(after === undefined
              ? []
              : [
                  {
                    OR: [
                      { createdAt: { gt: after.createdAt } },
                      { createdAt: after.createdAt, id: { gt: after.id } },
                    ],
                  },
                ]),
          ],
        },
        orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
        take,
        select: COLUMNS,
      });
      return rows.map(toOrganization);
    },

    async update(id: Uuid, next: Partial<Changeable>): Promise<void> {
      await db.organization.updateMany({
        where: { id },
        data: { ...columnsOf(next), version: { increment: 1 } },
      });
    },
  };
}
