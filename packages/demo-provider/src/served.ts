import { NOTHING_BILLED, type Billed } from './answer.ts';

/** How a request ended, seen from the provider. */
export type Outcome = 'answered' | 'refused' | 'cut' | 'aborted';

export interface ServedRecord {
  /** 1 for the first request since the start. */
  readonly number: number;
  /** `x-client-request-id`, else `x-request-id`, else `idempotency-key` of the request; null without any. */
  readonly requestId: string | null;
  /** Where it was asked, without a query. */
  readonly path: string;
  readonly model: string;
  readonly status: number;
  readonly stream: boolean;
  readonly outcome: Outcome;
  /**
   * What the provider charges: all of an answer it finished, the prompt and what was generated so far of one that was
   * cut or aborted, nothing for a refusal.
   */
  readonly billed: Billed;
}

export interface ServedTotals {
  readonly requests: number;
  readonly answered: number;
  readonly billed: Billed;
}

export interface Served {
  /** The newest records, oldest first; bounded, the oldest are forgotten. */
  readonly records: readonly ServedRecord[];
  /** By model name, over everything that was ever served: nothing is forgotten here. */
  readonly totals: Readonly<Record<string, ServedTotals>>;
}

export interface ServedBook {
  add(record: Omit<ServedRecord, 'number'>): void;
  read(): Served;
}

function sum(a: Billed, b: Billed): Billed {
  return {
    prompt: a.prompt + b.prompt,
    cached: a.cached + b.cached,
    cacheWrite: a.cacheWrite + b.cacheWrite,
    completion: a.completion + b.completion,
    reasoning: a.reasoning + b.reasoning,
    images: a.images + b.images,
    audioMs: a.audioMs + b.audioMs,
  };
}

/** @param recordsMax How many single records are kept; totals stay exact beyond it. */
export function createServedBook(recordsMax: number): ServedBook {
  const ring: ServedRecord[] = [];
  const totals = new Map<string, ServedTotals>();
  let added = 0;
  return {
    add(record) {
      ring[added % recordsMax] = { number: added + 1, ...record };
      added += 1;
      const before = totals.get(record.model) ?? { requests: 0, answered: 0, billed: NOTHING_BILLED };
      totals.set(record.model, {
        requests: before.requests + 1,
        answered: before.answered + (record.outcome === 'answered' ? 1 : 0),
        billed: sum(before.billed, record.billed),
      });
    },
    read() {
      const oldest = added > recordsMax ? added % recordsMax : 0;
      return {
        records: [...ring.slice(oldest), ...ring.slice(0, oldest)],
        totals: Object.fromEntries(totals),
      };
    },
  };
}
