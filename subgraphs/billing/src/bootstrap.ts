import pg from 'pg';
import { systemClock } from '@weir/kernel/clock';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import type { Price } from '@weir/kernel/pricing';
import { createDatabase } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import { connectionConfig } from '@weir/service/postgres';
import type { Budget } from './modules/budgets/budget.ts';
import { createBudget, type CreateBudgetInput } from './modules/budgets/budget-service.ts';

/** Nano-USD per million tokens, and per request, image and second of audio; what is left out costs nothing. */
export type NewPrice = Partial<Omit<Price, 'id' | 'validFromMs' | 'isOwn'>> & {
  /** The model's name. */
  readonly model: string;
  /** Null: for everybody. */
  readonly organizationId: Uuid | null;
  readonly validFromMs: number;
};

/** What a first start needs of billing before anybody can sign in. */
export interface BillingBootstrap {
  /** Adds versions of prices; one that is there already (same model, organization, tier and instant) stays as it is. */
  addPrices(prices: readonly NewPrice[]): Promise<void>;
  /** @throws Error naming every rule that the budget breaks */
  createBudget(input: CreateBudgetInput): Promise<Budget>;
  close(): Promise<void>;
}

const INSERT_PRICE = `
  insert into billing.prices (id, organization_id, model, valid_from, input, cached_input, cache_write, output, reasoning,
                              per_request, per_image, per_audio_second, tier)
  values ($1, $2, $3, to_timestamp($4::float8 / 1000), $5, $6, $7, $8, $9, $10, $11, $12, $13)
  on conflict (model, organization_id, tier, valid_from) do nothing`;

function priceValues(price: NewPrice): unknown[] {
  const { model, organizationId, validFromMs, input, cachedInput, cacheWrite, output, reasoning } = price;
  const amounts = [input, cachedInput, cacheWrite, output, reasoning, price.perRequest, price.perImage];
  return [
    newUuid(),
    organizationId,
    model,
    validFromMs,
    ...[...amounts, price.perAudioSecond].map((amount = 0n) => amount.toString()),
    price.tier ?? 0,
  ];
}

/** @param url Of the migrating login: prices for everybody are nobody's to write but the operator's. */
export function createBillingBootstrap(url: string): BillingBootstrap {
  const operator = new pg.Pool({
    ...connectionConfig({ url, applicationName: 'weir-billing-bootstrap' }),
    max: 1,
  });
  const db = createDatabase({ url, role: 'weir_billing', max: 1 });
  return {
    async addPrices(prices) {
      for (const price of prices) await operator.query(INSERT_PRICE, priceValues(price));
    },
    async createBudget(input) {
      const { organizationId } = input;
      const result = await withTenant(db, { organizationId }, (tx) => createBudget(tx, input, systemClock));
      if (!result.ok) throw new Error(result.error.map(({ message }) => message).join(' '));
      return result.value;
    },
    async close() {
      await Promise.all([operator.end(), db.$disconnect()]);
    },
  };
}
