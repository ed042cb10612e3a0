import { connectionOf, pageOf, type KeysetOrder } from '@weir/graphql/connection';
import { idArgument } from '@weir/graphql/id-argument';
import { toMoney } from '@weir/graphql/money';
import { encodeId } from '@weir/kernel/ids';
import { priceAt } from '@weir/kernel/pricing';
import type { ModelResolvers, PriceResolvers } from '../../generated/resolvers-types.ts';
import type { Context } from '../../context.ts';
import type { PriceVersion } from './price.ts';

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
  async currentPrice({ id }, _, context) {
    const prices = await pricesOf(id, context);
    const current = priceAt(prices, context.clock.now());
    return prices.find((price) => price.id === current?.id) ?? null;
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
  scope: ({ organizationId }) => (organizationId === null ? 'GLOBAL' : 'ORGANIZATION'),
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
