import type { AttemptIntent } from '@weir/contracts/attempt-record';
import type { Uuid } from '@weir/kernel/ids';
import type { LedgerAppender } from './ledger-appender.ts';
import type { LedgerClient } from './ledger-client.ts';
import type { MeteringMetrics } from './metrics.ts';

/** Closes attempts whose process is gone: nobody will tell what they cost, so they are charged what they held. */
export interface ProvisionalCloser {
  /**
   * @param intents Evidence of attempts; their intents are appended where they are missing.
   * @param attemptIds The attempts to close; those that have a close keep it.
   */
  close(intents: readonly AttemptIntent[], attemptIds: readonly Uuid[]): Promise<void>;
}

export function createProvisionalCloser(options: {
  readonly ledger: LedgerClient;
  readonly appender: LedgerAppender;
  readonly metrics: MeteringMetrics;
}): ProvisionalCloser {
  const { ledger, appender, metrics } = options;
  return {
    async close(intents, attemptIds) {
      if (intents.length > 0) await appender.append(intents);
      if (attemptIds.length > 0) metrics.provisional.inc(await ledger.closeProvisionally(attemptIds));
    },
  };
}
