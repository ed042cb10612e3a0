import type { Db } from '@weir/prisma/database';
import type { Prisma } from '@weir/prisma/client';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import type { Model } from './model.ts';

const COLUMNS = {
  id: true,
  organizationId: true,
  name: true,
  aliases: true,
  enabled: true,
  contextTokens: true,
  maxOutputTokens: true,
} as const;

type Row = Prisma.ModelGetPayload<{ select: typeof COLUMNS }>;

function toModel({ enabled, ...row }: Row): Model {
  return {
    ...row,
    id: parseUuid(row.id),
    organizationId: row.organizationId === null ? null : parseUuid(row.organizationId),
    isEnabled: enabled,
  };
}

export interface ModelPosition {
  readonly name: string;
  readonly id: Uuid;
}

export interface ModelQuery {
  readonly organizationId: Uuid;
  readonly after: ModelPosition | undefined;
  readonly take: number;
}

export interface NewModel {
  readonly id: Uuid;
  readonly organizationId: Uuid | null;
  readonly name: string;
  readonly aliases: readonly string[];
  readonly snapshots: readonly string[];
  readonly contextTokens: number;
  readonly maxOutputTokens: number;
  readonly capabilities: readonly string[];
}

function afterFilter(after: ModelPosition | undefined): Prisma.ModelWhereInput {
  return after ? { OR: [{ name: { gt: after.name } }, { name: after.name, id: { gt: after.id } }] } : {};
}

export function createModelStore(db: Db) {
  return {
    /** For the rest of the transaction, models for everybody may be written. */
    async actAsPlatform(): Promise<void> {
      await db.$executeRaw`select set_config('app.platform', 'on', true)`;
    },

    async byIds(ids: readonly Uuid[]): Promise<Model[]> {
      const rows = await db.model.findMany({ where: { id: { in: [...ids] } }, select: COLUMNS });
      return rows.map(toModel);
    },

    async byName(organizationId: Uuid | null, name: string): Promise<Model | undefined> {
      const row = await db.model.findFirst({ where: { organizationId, name }, select: COLUMNS });
      return row ? toModel(row) : undefined;
    },

    /** By name. An organization's own model hides the one for everybody of the same name. */
    async list(query: ModelQuery): Promise<Model[]> {
      const { organizationId } = query;
      const own = await db.model.findMany({ where: { organizationId }, select: { name: true } });
      const hidden = own.map((model) => model.name);
      const rows = await db.model.findMany({
        where: {
          AND: [
            { OR: [{ organizationId }, { organizationId: null, name: { notIn: hidden } }] },
            afterFilter(query.after),
          ],
        },
        select: COLUMNS,
        orderBy: [{ name: 'asc' }, { id: 'asc' }],
        take: query.take,
      });
      return rows.map(toModel);
    },

    async insert(model: NewModel): Promise<void> {
      const lists = {
        aliases: [...model.aliases],
        snapshots: [...model.snapshots],
        capabilities: [...model.capabilities],
      };
      await db.model.createMany({ data: [{ ...model, ...lists }] });
    },

    /** Everything but the identity and the name. */
    async update(id: Uuid, model: Omit<NewModel, 'id' | 'organizationId' | 'name'>): Promise<void> {
      await db.model.updateMany({
        where: { id },
        data: {
          aliases: [...model.aliases],
          snapshots: [...model.snapshots],
          capabilities: [...model.capabilities],
          contextTokens: model.contextTokens,
          maxOutputTokens: model.maxOutputTokens,
        },
      });
    },
  };
}
