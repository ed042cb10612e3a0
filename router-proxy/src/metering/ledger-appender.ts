import type { AttemptRecord } from '@weir/contracts/attempt-record';
import type { Logger } from '@weir/service/logger';
import { appendRows } from './append-rows.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { LedgerClient } from './ledger-client.ts';
import type { MeteringMetrics } from './metrics.ts';
import { encodeRecord } from './record-codec.ts';

/** Brings records into the ledger; those that it will never take become dead letters. */
export interface LedgerAppender {
  /** Rejects when Postgres or the file of dead letters is out of reach; everything may then be appended again. */
  append(records: readonly AttemptRecord[]): Promise<void>;
}

export function createLedgerAppender(options: {
  readonly ledger: LedgerClient;
  readonly deadLetters: DeadLetters;
  readonly metrics: MeteringMetrics;
  readonly log: Logger;
}): LedgerAppender {
  const { ledger, deadLetters, metrics, log } = options;

  const appendOnce = async (rows: readonly AttemptRecord[]): Promise<void> => {
    const startedAt = performance.now();
    const { inserted, adjusted } = await ledger.append(rows);
    metrics.append.observe(performance.now() - startedAt);
    metrics.batchRows.observe(rows.length);
    metrics.rows.inc({ outcome: 'inserted' }, inserted);
    if (adjusted > 0) metrics.rows.inc({ outcome: 'adjusted' }, adjusted);
    if (inserted < rows.length) metrics.rows.inc({ outcome: 'repeated' }, rows.length - inserted);
  };

  return {
    async append(records) {
      const poison = await appendRows(records, appendOnce);
      if (poison.length === 0) return;
      log.error({ rows: poison.length, reason: poison[0]?.reason }, 'ledger rows refused for good');
      await deadLetters.append(poison.map(({ record, reason }) => ({ text: encodeRecord(record), reason })));
      metrics.rows.inc({ outcome: 'dead' }, poison.length);
    },
  };
}
