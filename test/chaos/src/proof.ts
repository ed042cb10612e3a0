import type { ServedRecord } from '@weir/demo-provider/served';
import { readLedger, type LedgerAttempt } from '@weir/e2e/ledger';
import { until } from '@weir/e2e/until';
import type { Fleet } from './fleet.ts';
import type { ModelPrice } from './tenant.ts';

/** The ledger beside the provider's own book, attempt by attempt. All money in nano-USD. */
export interface Proof {
  readonly attempts: number;
  /** In the provider's book and not in the ledger. */
  readonly lost: number;
  /** With more than one intent or close, or twice in the provider's book. */
  readonly double: number;
  /** Without a close when the deadline passed. */
  readonly open: number;
  /** Closed because their proxy could not say any more; they are charged what they held. */
  readonly provisional: number;
  /** Closed by what passed, because their client left before the provider said what it cost. */
  readonly estimated: number;
  readonly limitNano: bigint;
  /** What the ledger says of the attempts under the budget. */
  readonly spentNano: bigint;
  readonly overNano: bigint;
  /** What the provider charges for all attempts. */
  readonly providerNano: bigint;
  /** Ledger minus provider, over the attempts whose cost the provider reported: has to be nothing. */
  readonly exactDifferenceNano: bigint;
  /** Provisional closes that charge less than the provider does: has to be none. */
  readonly undercharged: number;
  readonly recoverySeconds: number;
}

/** Waits until every attempt of the provider's book is in the ledger with its close, and compares. */
export async function prove(fleet: Fleet, deadlineMs: number): Promise<Proof> {
  const { tenant, provider, stores } = fleet;
  const startedMs = performance.now();
  const isClosed = ({ closes }: LedgerAttempt): boolean => closes > 0;
  const { records } = provider.served();
  const booked = Map.groupBy(records, ({ requestId }) => requestId ?? '');
  const isComplete = (found: readonly LedgerAttempt[]): boolean => {
    const known = new Set(found.map(({ attemptId }) => attemptId));
    return found.every(isClosed) && [...booked.keys()].every((attemptId) => known.has(attemptId));
  };
  const attempts = await until(
    'a close for every attempt',
    async () => {
      const found = await readLedger(stores.databaseUrl).catch(() => undefined);
      const isOver = performance.now() - startedMs > deadlineMs;
      return found && (isOver || isComplete(found)) ? found : undefined;
    },
    deadlineMs + 30_000,
  );
  const ledger = new Map(attempts.map((attempt) => [attempt.attemptId, attempt]));
  const budgeted = new Set<string>([tenant.aborting.id, tenant.draining.id]);
  const spentNano = sum(attempts.filter(({ apiKeyId }) => budgeted.has(apiKeyId)).map(costOf));
  const chargedBy = (attempt: LedgerAttempt): bigint =>
    sum((booked.get(attempt.attemptId) ?? []).map((record) => billOf(record, tenant.prices)));
  const exact = attempts.filter(({ source }) => source === 'PROVIDER' || source === 'DRAINED');
  return {
    attempts: attempts.length,
    lost: [...booked.keys()].filter((attemptId) => !ledger.has(attemptId)).length,
    double:
      attempts.filter(({ intents, closes }) => intents > 1 || closes > 1).length +
      [...booked.values()].filter(({ length }) => length > 1).length,
    open: attempts.filter((attempt) => !isClosed(attempt)).length,
    provisional: attempts.filter(({ kinds }) => kinds.includes('provisional')).length,
    estimated: attempts.filter(({ source }) => source === 'ESTIMATED').length,
    limitNano: tenant.limitNano,
    spentNano,
    overNano: spentNano > tenant.limitNano ? spentNano - tenant.limitNano : 0n,
    providerNano: sum(records.map((record) => billOf(record, tenant.prices))),
    exactDifferenceNano: sum(exact.map((attempt) => attempt.costNano - chargedBy(attempt))),
    undercharged: attempts.filter(
      (attempt) => attempt.kinds.includes('provisional') && attempt.costNano < chargedBy(attempt),
    ).length,
    recoverySeconds: (performance.now() - startedMs) / 1_000,
  };
}

const costOf = ({ costNano }: LedgerAttempt): bigint => costNano;

const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, amount) => total + amount, 0n);

/** What the provider charges for one request, computed here from its own token counts and the price list. */
function billOf({ model, billed }: ServedRecord, prices: ReadonlyMap<string, ModelPrice>): bigint {
  const price = prices.get(model);
  if (!price) throw new Error(`${model} has no price`);
  const perMillion =
    BigInt(billed.prompt - billed.cached) * price.input +
    BigInt(billed.cached) * price.cachedInput +
    BigInt(billed.completion - billed.reasoning) * price.output +
    BigInt(billed.reasoning) * price.reasoning;
  return (perMillion + 999_999n) / 1_000_000n;
}
