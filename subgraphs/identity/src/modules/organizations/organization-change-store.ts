import { z } from 'zod';
import type { Prisma } from '@weir/prisma/client';
import type { Db } from '@weir/prisma/database';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import type { CreationPosition } from '../../creation-order.ts';
import { CHANGE_ACTOR_KINDS, CHANGE_KINDS, type OrganizationChange } from './organization-change.ts';

const COLUMNS = {
  id: true,
  organizationId: true,
  kind: true,
  actorKind: true,
  actorId: true,
  fields: true,
  before: true,
  after: true,
  version: true,
  revertsId: true,
  createdAt: true,
} as const;

type Row = Prisma.OrganizationChangeGetPayload<{ select: typeof COLUMNS }>;

const kindsSchema = z.object({ kind: z.enum(CHANGE_KINDS), actorKind: z.enum(CHANGE_ACTOR_KINDS) });
const valuesSchema = z.record(z.string(), z.unknown());

function toChange(row: Row): OrganizationChange {
  return {
    ...row,
    ...kindsSchema.parse(row),
    id: parseUuid(row.id),
    organizationId: parseUuid(row.organizationId),
    actorId: row.actorId === null ? null : parseUuid(row.actorId),
    revertsId: row.revertsId === null ? null : parseUuid(row.revertsId),
    before: valuesSchema.parse(row.before),
    after: valuesSchema.parse(row.after),
  };
}

/** As JSON columns take them. */
const json = (values: unknown): Prisma.InputJsonObject =>
  JSON.parse(JSON.stringify(values)) as Prisma.InputJsonObject;

export function createOrganizationChangeStore(db: Db) {
  return {
    async insert({ before, after, fields, ...change }: OrganizationChange): Promise<void> {
      await db.organizationChange.createMany({
        data: [{ ...change, fields: [...fields], before: json(before), after: json(after) }],
      });
    },

    async byId(id: Uuid): Promise<OrganizationChange | undefined> {
      const row = await db.organizationChange.findUnique({ where: { id }, select: COLUMNS });
      return row ? toChange(row) : undefined;
    },

    async isReverted(id: Uuid): Promise<boolean> {
      return (await db.organizationChange.count({ where: { revertsId: id } })) > 0;
    },

    /** The latest first. */
    async list(
      organizationId: Uuid,
      after: CreationPosition | undefined,
      take: number,
    ): Promise<OrganizationChange[]> {
      const before = after && [
        { createdAt: { lt: after.createdAt } },
        { createdAt: after.createdAt, id: { lt: after.id } },
      ];
      const rows = await db.organizationChange.findMany({
        where: { organizationId, ...(before ? { OR: before } : {}) },
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        take,
        select: COLUMNS,
      });
      return rows.map(toChange);
    },
  };
}
