import { connectionOf, pageOf, type KeysetOrder } from '@weir/graphql/connection';
import { idArgument } from '@weir/graphql/id-argument';
import { toMoney } from '@weir/graphql/money';
import { encodeId } from '@weir/kernel/ids';
import { priceAt } from '@weir/kernel/pricing';
import type {
  ModelResolvers,
  MutationResolvers,
  PriceResolvers,
  PriceSetInput,
} from '../../generated/resolvers-types.ts';
import type { Context } from '../../context.ts';
import { PRICE_CLASSES, type PriceVersion } from './price.ts';
import { MEMBERS, type PriceDraft } from './price-rules.ts';

const ORDER: KeysetOrder<PriceVersion> = {
  name: 'prices.validFrom',
  keyCount: 1,
  keysOf: (price) => [price.id],
};

async function pricesOf(id: string, { loaders }: Context): Promise<readonly PriceVersion[]> {
  const rows = await loaders.prices.load(idArgument('model', id, 'id'));
  return rows.map((row) => row.price);
}

export const model: Pick<ModelResolvers, 'currentPrice' | 'prices'> = {
  async currentPrice({ id }, { tier }, context) {
    return priceAt(await pricesOf(id, context), context.clock.now(), tier ?? 0) ?? null;
  },
  async prices({ id }, args, context) {
    const page = pageOf(args, ORDER);
    const prices = await pricesOf(id, context);
    const [last] = page.after ?? [];
    // A version that is gone leaves an empty page rather than the first one again.
    const start =
      last === undefined ? 0 : prices.findIndex((price) => price.id === last) + 1 || prices.length;
    return connectionOf(prices.slice(start, start + page.take), page, ORDER);
  },
};

export const price: PriceResolvers = {
  id: ({ id }) => encodeId('price', id),
  scope: ({ isOwn }) => (isOwn ? 'ORGANIZATION' : 'GLOBAL'),
  validFrom: ({ validFromMs }) => new Date(validFromMs),
  inputPerMillion: ({ input }) => toMoney(input),
  cachedInputPerMillion: ({ cachedInput }) => toMoney(cachedInput),
  cacheWritePerMillion: ({ cacheWrite }) => toMoney(cacheWrite),
  outputPerMillion: ({ output }) => toMoney(output),
  reasoningPerMillion: ({ reasoning }) => toMoney(reasoning),
  perRequest: ({ perRequest }) => toMoney(perRequest),
  perImage: ({ perImage }) => toMoney(perImage),
  perAudioSecond: ({ perAudioSecond }) => toMoney(perAudioSecond),
};

export const priceMutations: Pick<MutationResolvers, 'priceSet' | 'priceWithdraw'> = {
  async priceSet(_, { input }, { services, identity }) {
    const result = await services.prices.set(identity, {
      organizationId: idArgument('organization', input.organizationId, 'organizationId'),
      modelId: idArgument('model', input.modelId, 'modelId'),
      tier: input.tier ?? 0,
      validFrom: input.validFrom ?? undefined,
      amounts: amountsOf(input),
    });
    return result.ok ? { price: result.value, userErrors: [] } : { price: null, userErrors: result.error };
  },

  async priceWithdraw(_, { input }, { services, identity }) {
    const result = await services.prices.withdraw(identity, idArgument('price', input.id, 'id'));
    return result.ok
      ? { withdrawnPriceId: encodeId('price', result.value), userErrors: [] }
      : { withdrawnPriceId: null, userErrors: result.error };
  },
};

/** What was left out, or given as null, costs what the rules say. */
function amountsOf(input: PriceSetInput): PriceDraft['amounts'] {
  const given = PRICE_CLASSES.map((name) => [name, input[MEMBERS[name]]] as const);
  const set = Object.fromEntries(given.filter(([, amount]) => amount != null));
  return { ...set, input: input.inputPerMillion, output: input.outputPerMillion };
}
