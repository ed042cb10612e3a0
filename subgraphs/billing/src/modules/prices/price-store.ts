import type { Uuid } from '@weir/kernel/ids';
import type { Query } from '../../query.ts';
import type { PriceVersion } from './price.ts';

/**
 * The prices of models as the proxies see them (policy.prices_of): everybody's until the organization's own begin, from
 * then on only its own. Row-level security leaves no other organization's.
 */
const PRICES = `
  select m.id::text as model_id, p.id::text as id, p.model, p.organization_id::text as organization_id,
         (extract(epoch from p.valid_from) * 1000)::float8 as valid_from_ms,
         p.input::text as input, p.cached_input::text as cached_input, p.cache_write::text as cache_write,
         p.output::text as output, p.reasoning::text as reasoning, p.per_request::text as per_request,
         p.per_image::text as per_image, p.per_audio_second::text as per_audio_second
  from policy.model_names($1::uuid, $2::uuid[]) m
  join billing.prices p on p.model = m.name
  where p.organization_id is not null
     or not exists (
       select from billing.prices own
       where own.model = p.model and own.organization_id is not null and own.valid_from <= p.valid_from
     )
  order by p.valid_from desc, p.id`;

interface PriceRow {
  readonly model_id: Uuid;
  readonly id: Uuid;
  readonly model: string;
  readonly organization_id: Uuid | null;
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
      organizationId: row.organization_id,
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
