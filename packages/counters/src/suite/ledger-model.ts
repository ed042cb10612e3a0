import type { Uuid } from '@weir/kernel/ids';
import type { AdmitRequest, Holding, HoldingSeed } from '../contract.ts';

/** What an attempt uses of either kind of budget. */
export interface Amounts {
  readonly cost: bigint;
  readonly tokens: bigint;
}

export interface LedgerRow {
  readonly request: AdmitRequest;
  readonly held: Amounts;
  /** Undefined for an intent. */
  readonly close: Amounts | undefined;
}

/** A model of Postgres: what is written is seen by every later snapshot, the same row twice counts once. */
export interface LedgerModel {
  write(row: LedgerRow, nowMs: number): void;
  closeOf(id: Uuid): Amounts | undefined;
  /** Attempts with an intent and no close. */
  open(): LedgerRow[];
  position(counter: string, openedAtMs: number, nowMs: number): HoldingSeed;
}

export function amountFor(metric: Holding['metric'], amounts: Amounts): bigint {
  return metric === 'COST' ? amounts.cost : amounts.tokens;
}

/** Credit goes on from one period to the next; what a budget counts ends with its period. */
const CREDIT = 'credit:';

/** The holding by which a request counts for a counter. */
export function countedBy({ holdings }: AdmitRequest, counter: string): Holding | undefined {
  const isCredit = counter.startsWith(CREDIT);
  return holdings.find((holding) =>
    isCredit ? holding.counter.startsWith(CREDIT) : holding.counter === counter,
  );
}

export function createLedgerModel(): LedgerModel {
  const intents = new Map<Uuid, LedgerRow>();
  const closes = new Map<Uuid, { readonly amounts: Amounts; readonly atMs: number }>();

  return {
    write(row, nowMs) {
      const id = row.request.attemptId;
      if (!intents.has(id)) intents.set(id, row);
      if (row.close !== undefined && !closes.has(id)) closes.set(id, { amounts: row.close, atMs: nowMs });
    },
    closeOf: (id) => closes.get(id)?.amounts,
    open: () => [...intents.values()].filter((row) => !closes.has(row.request.attemptId)),
    position(counter, openedAtMs, nowMs) {
      const sinceMs = Math.max(openedAtMs - 10_000, nowMs - 180_000);
      let committed = 0n;
      let metric: Holding['metric'] = 'COST';
      const open: HoldingSeed['open'][number][] = [];
      const closed: Uuid[] = [];
      for (const [id, row] of intents) {
        const holding = countedBy(row.request, counter);
        if (holding === undefined) continue;
        metric = holding.metric;
        const close = closes.get(id);
        if (close === undefined)
          open.push({ attemptId: id, held: amountFor(metric, row.held), evidence: '' });
        else committed += amountFor(metric, close.amounts);
        if (close !== undefined && close.atMs >= sinceMs) closed.push(id);
      }
      return { counter, metric, committed, open, closed };
    },
  };
}
