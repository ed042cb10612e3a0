import type { AttemptRecord } from '@weir/contracts/attempt-record';
import type { Uuid } from '@weir/kernel/ids';
import type { LedgerAppender } from './ledger-appender.ts';
import type { LedgerClient } from './ledger-client.ts';
import type { MeteringMetrics } from './metrics.ts';

/** Closes attempts whose process is gone: nobody will tell what they cost, so they are charged what they held. */
export interface ProvisionalCloser {
  /**
   * @param records Evidence of attempts: their intents, or their closes where they ended; appended where they are missing.
   * @param attemptIds The attempts to close; those that have a close keep it.
   */
  close(records: readonly AttemptRecord[], attemptIds: readonly Uuid[]): Promise<void>;
}

export function createProvisionalCloser(options: {
  readonly ledger: LedgerClient;
  readonly appender: LedgerAppender;
  readonly metrics: MeteringMetrics;
}): ProvisionalCloser {
  const { ledger, appender, metrics } = options;
  return {
    async close(records, attemptIds) {
      if (records.length > 0) await appender.append(records);
      if (attemptIds.length > 0) metrics.provisional.inc(await ledger.closeProvisionally(attemptIds));
    },
  };
}
