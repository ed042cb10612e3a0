import { userError, type UserErrorValue } from '@weir/graphql/user-errors';
import { parseUsd } from '@weir/kernel/money';
import { err, ok, type Result } from '@weir/kernel/result';
import type { PriceErrorCode } from '../../generated/resolvers-types.ts';
import type { PriceClass } from './price.ts';

export type PriceProblem = UserErrorValue<PriceErrorCode>;

const TIER_MAX = 1_000;
/** A million dollars per million tokens: more is a mistake of units. */
const AMOUNT_MAX_NANO_USD = 1_000_000_000_000_000n;
/** Clocks differ, and a request takes a moment to arrive. */
const PAST_MS_MAX = 60_000;

/** What people set; amounts in US dollars. */
export interface PriceDraft {
  readonly tier: number;
  /** Undefined for this very moment. */
  readonly validFrom: Date | undefined;
  readonly amounts: Readonly<Partial<Record<PriceClass, string>>> & {
    readonly input: string;
    readonly output: string;
  };
}

export interface CheckedPrice extends Readonly<Record<PriceClass, bigint>> {
  readonly tier: number;
  readonly validFromMs: number;
}

/** The member of the input that an amount comes from. */
export const MEMBERS = {
  input: 'inputPerMillion',
  cachedInput: 'cachedInputPerMillion',
  cacheWrite: 'cacheWritePerMillion',
  output: 'outputPerMillion',
  reasoning: 'reasoningPerMillion',
  perRequest: 'perRequest',
  perImage: 'perImage',
  perAudioSecond: 'perAudioSecond',
} as const satisfies Record<PriceClass, string>;

/** Everything that a draft breaks, or the price in nano-USD: what is left out costs what its class contains. */
export function checkPrice(draft: PriceDraft, nowMs: number): Result<CheckedPrice, readonly PriceProblem[]> {
  const { tier } = draft;
  const problems: PriceProblem[] = [];
  if (tier < 0 || tier > TIER_MAX) {
    problems.push(userError('INVALID_TIER', `The tier must be 0 to ${TIER_MAX}.`, 'tier'));
  }
  const validFromMs = draft.validFrom?.getTime() ?? nowMs;
  if (validFromMs < nowMs - PAST_MS_MAX) {
    const message = 'A price cannot begin in the past: what was used was charged by the price of its time.';
    problems.push(userError('INVALID_VALID_FROM', message, 'validFrom'));
  }
  const amountOf = (name: PriceClass): bigint | undefined => {
    const text = draft.amounts[name];
    if (text === undefined) return undefined;
    const amount = parseUsd(text);
    if (amount !== undefined && amount >= 0n && amount <= AMOUNT_MAX_NANO_USD) return amount;
    problems.push(userError('INVALID_AMOUNT', AMOUNT_RULE, MEMBERS[name]));
    return undefined;
  };
  const input = amountOf('input') ?? 0n;
  const output = amountOf('output') ?? 0n;
  const amounts = {
    input,
    cachedInput: amountOf('cachedInput') ?? input,
    cacheWrite: amountOf('cacheWrite') ?? input,
    output,
    reasoning: amountOf('reasoning') ?? output,
    perRequest: amountOf('perRequest') ?? 0n,
    perImage: amountOf('perImage') ?? 0n,
    perAudioSecond: amountOf('perAudioSecond') ?? 0n,
  };
  return problems.length > 0 ? err(problems) : ok({ ...amounts, tier, validFromMs });
}

const AMOUNT_RULE = 'A price must be 0 to 1000000 US dollars with at most nine decimals.';
