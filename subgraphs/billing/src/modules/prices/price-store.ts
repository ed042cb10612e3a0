import type { Uuid } from '@weir/kernel/ids';
import type { Query } from '../../query.ts';
import { PRICE_CLASSES, type PriceVersion } from './price.ts';

/** Everybody's prices of models and the organization's own; row-level security leaves no other organization's. */
const PRICES = `
  select m.id::text as model_id, p.id::text as id, p.model, p.organization_id is not null as is_own, p.tier,
         (extract(epoch from p.valid_from) * 1000)::float8 as valid_from_ms,
         p.input::text as input, p.cached_input::text as cached_input, p.cache_write::text as cache_write,
         p.output::text as output, p.reasoning::text as reasoning, p.per_request::text as per_request,
         p.per_image::text as per_image, p.per_audio_second::text as per_audio_second
  from policy.model_names($1::uuid, $2::uuid[]) m
  join billing.prices p on p.model = m.name
  order by p.valid_from desc, p.id`;

interface PriceRow {
  readonly model_id: Uuid;
  readonly id: Uuid;
  readonly model: string;
  readonly is_own: boolean;
  readonly tier: number;
  readonly valid_from_ms: number;
  readonly input: string;
  readonly cached_input: string;
  readonly cache_write: string;
  readonly output: string;
  readonly reasoning: string;
  readonly per_request: string;
  readonly per_image: string;
  readonly per_audio_second: string;
}

export interface ModelPrice {
  readonly modelId: Uuid;
  readonly price: PriceVersion;
}

/** Every version for each of the models, latest first. There are as many as people have set, so no page is needed. */
export async function readPrices(
  query: Query,
  organizationId: Uuid,
  modelIds: readonly Uuid[],
): Promise<readonly ModelPrice[]> {
  const rows = await query<PriceRow>(PRICES, [organizationId, modelIds]);
  return rows.map((row) => ({
    modelId: row.model_id,
    price: {
      id: row.id,
      model: row.model,
      isOwn: row.is_own,
      tier: row.tier,
      validFromMs: row.valid_from_ms,
      input: BigInt(row.input),
      cachedInput: BigInt(row.cached_input),
      cacheWrite: BigInt(row.cache_write),
      output: BigInt(row.output),
      reasoning: BigInt(row.reasoning),
      perRequest: BigInt(row.per_request),
      perImage: BigInt(row.per_image),
      perAudioSecond: BigInt(row.per_audio_second),
    },
  }));
}

const INSERT = `
  insert into billing.prices (id, organization_id, model, tier, valid_from, input, cached_input, cache_write, output,
                              reasoning, per_request, per_image, per_audio_second)
  values ($1::uuid, $2::uuid, $3, $4, to_timestamp($5::float8 / 1000), $6::bigint, $7::bigint, $8::bigint, $9::bigint,
          $10::bigint, $11::bigint, $12::bigint, $13::bigint)
  on conflict (organization_id, model, tier, valid_from) do nothing returning 1`;

/** One organization's own prices, in the caller's transaction. */
export function createPriceStore(query: Query) {
  return {
    async modelName(organizationId: Uuid, modelId: Uuid): Promise<string | undefined> {
      const rows = await query<{ name: string }>(
        'select name from policy.model_names($1::uuid, array[$2::uuid])',
        [organizationId, modelId],
      );
      return rows[0]?.name;
    },

    async isRoot(organizationId: Uuid, accountId: Uuid): Promise<boolean> {
      const rows = await query<{ is_root: boolean }>(
        'select policy.is_root_account($1::uuid, $2::uuid) as is_root',
        [organizationId, accountId],
      );
      return rows[0]?.is_root === true;
    },

    /** False when a price of the tier begins at the same instant. */
    async insert(organizationId: Uuid, price: PriceVersion): Promise<boolean> {
      const { id, model, tier, validFromMs } = price;
      const amounts = PRICE_CLASSES.map((name) => price[name].toString());
      return (await query(INSERT, [id, organizationId, model, tier, validFromMs, ...amounts])).length > 0;
    },

    /** When a price begins; undefined unless it is the organization's own. Unix milliseconds. */
    async ownBeginning(organizationId: Uuid, id: Uuid): Promise<number | undefined> {
      const rows = await query<{ valid_from_ms: number }>(
        `select (extract(epoch from valid_from) * 1000)::float8 as valid_from_ms from billing.prices
         where id = $1::uuid and organization_id = $2::uuid for update`,
        [id, organizationId],
      );
      return rows[0]?.valid_from_ms;
    },

    async remove(id: Uuid): Promise<void> {
      await query('delete from billing.prices where id = $1::uuid', [id]);
    },
  };
}
