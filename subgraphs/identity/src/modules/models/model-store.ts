import { MODEL_CAPABILITIES } from '@weir/contracts/model-capability';
import type { Db } from '@weir/prisma/database';
import { Prisma } from '@weir/prisma/client';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import { ENVIRONMENTS, type Model, type ModelEnvironment, type ModelSettings } from './model.ts';

const COLUMNS = {
  id: true,
  organizationId: true,
  name: true,
  revision: true,
  aliases: true,
  snapshots: true,
  enabled: true,
  contextTokens: true,
  maxOutputTokens: true,
  minTier: true,
  capabilities: true,
  environments: true,
  createdAt: true,
} as const;

type Row = Prisma.ModelGetPayload<{ select: typeof COLUMNS }>;

function toModel({ enabled, ...row }: Row): Model {
  return {
    ...row,
    id: parseUuid(row.id),
    organizationId: row.organizationId === null ? null : parseUuid(row.organizationId),
    capabilities: MODEL_CAPABILITIES.filter((capability) => row.capabilities.includes(capability)),
    environments: ENVIRONMENTS.filter((environment) => row.environments.includes(environment)),
    isEnabled: enabled,
  };
}

export interface ModelQuery {
  readonly organizationId: Uuid;
  /** As an API key of this environment sees them; undefined for all environments. */
  readonly environment: ModelEnvironment | undefined;
  readonly includeDisabled: boolean;
  /** The name after which to go on. */
  readonly after: string | undefined;
  readonly take: number;
}

export interface NewModel extends Partial<ModelSettings> {
  readonly id: Uuid;
  readonly organizationId: Uuid | null;
  readonly name: string;
  readonly revision?: number;
  readonly contextTokens: number;
  readonly maxOutputTokens: number;
}

/** Lists as the database takes them. */
function columnsOf(settings: Partial<ModelSettings>) {
  const { aliases, snapshots, capabilities, environments, ...rest } = settings;
  return {
    ...rest,
    ...(aliases ? { aliases: [...aliases] } : {}),
    ...(snapshots ? { snapshots: [...snapshots] } : {}),
    ...(capabilities ? { capabilities: [...capabilities] } : {}),
    ...(environments ? { environments: [...environments] } : {}),
  };
}

export function createModelStore(db: Db) {
  return {
    /** For the rest of the transaction, models for everybody may be written. */
    async actAsPlatform(): Promise<void> {
      await db.$executeRaw`select set_config('app.platform', 'on', true)`;
    },

    /** For the rest of the transaction, nobody else changes the names of the organization's models. */
    async lockNames(organizationId: Uuid): Promise<void> {
      await db.$executeRaw`select pg_advisory_xact_lock(hashtextextended(${`models:${organizationId}`}, 0))`;
    },

    async byIds(ids: readonly Uuid[]): Promise<Model[]> {
      const rows = await db.model.findMany({ where: { id: { in: [...ids] } }, select: COLUMNS });
      return rows.map(toModel);
    },

    async byName(organizationId: Uuid | null, name: string): Promise<Model | undefined> {
      const row = await db.model.findFirst({ where: { organizationId, name }, select: COLUMNS });
      return row ? toModel(row) : undefined;
    },

    /** Of each name, the latest first. */
    async revisionsOf(names: readonly string[]): Promise<Model[]> {
      const rows = await db.model.findMany({
        where: { name: { in: [...names] } },
        select: COLUMNS,
        orderBy: [{ name: 'asc' }, { revision: 'desc' }],
      });
      return rows.map(toModel);
    },

    /** Everything that the organization sees. */
    async visible(): Promise<Model[]> {
      return (await db.model.findMany({ select: COLUMNS })).map(toModel);
    },

    /**
     * By name, of each the revision that serves (policy.models_of): the organization's own before the one for everybody,
     * and of these the latest.
     */
    async list(query: ModelQuery): Promise<Model[]> {
      const { organizationId, environment, includeDisabled, after, take } = query;
      const inEnvironment = environment
        ? Prisma.sql`m.environments @> array[${environment}]`
        : Prisma.sql`true`;
      const ids = await db.$queryRaw<{ id: string }[]>`
        select serving.id::text as id from (
          select distinct on (m.name) m.id, m.name, m.enabled from identity.models m
          where (m.organization_id = ${organizationId}::uuid or m.organization_id is null) and ${inEnvironment}
          order by m.name, m.organization_id nulls last, m.revision desc
        ) as serving
        where (serving.enabled or ${includeDisabled}) and (${after ?? null}::text is null or serving.name > ${after ?? null}::text)
        order by serving.name limit ${take}`;
      const models = await this.byIds(ids.map(({ id }) => parseUuid(id)));
      const places = new Map(ids.map(({ id }, place) => [id, place]));
      return models.sort((a, b) => (places.get(a.id) ?? 0) - (places.get(b.id) ?? 0));
    },

    async insert({ id, organizationId, name, revision = 1, ...settings }: NewModel): Promise<void> {
      const { contextTokens, maxOutputTokens } = settings;
      const data = {
        ...columnsOf(settings),
        id,
        organizationId,
        name,
        revision,
        contextTokens,
        maxOutputTokens,
      };
      await db.model.createMany({ data: [data] });
    },

    async update(id: Uuid, settings: Partial<ModelSettings> & { readonly enabled?: boolean }): Promise<void> {
      await db.model.updateMany({ where: { id }, data: columnsOf(settings) });
    },

    async remove(id: Uuid): Promise<void> {
      await db.model.deleteMany({ where: { id } });
    },
  };
}
