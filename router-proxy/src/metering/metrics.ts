import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What can be read off when it is asked, so that nothing has to be kept up to date. */
export interface MeteringGauges {
  readonly queuedRows: () => number;
  readonly spillBytes: () => number;
  readonly spillAgeMs: () => number;
  readonly liveAttempts: () => number;
  readonly pendingSettlements: () => number;
  readonly isAccepting: () => boolean;
}

export type MeteringMetrics = ReturnType<typeof createMeteringMetrics>;

/** Metrics that page: something queued for long, spilled, dead-lettered, or closed by the sweeper. */
export function createMeteringMetrics(registry: Registry) {
  const counter = (name: string, help: string): Counter => new Counter({ name, help, registers: [registry] });
  return {
    rows: new Counter({
      name: 'weir_ledger_rows_total',
      help: 'Rows of the attempt log by what became of them',
      labelNames: ['outcome'] as const,
      registers: [registry],
    }),
    append: new Histogram({
      name: 'weir_ledger_append_milliseconds',
      help: 'Time of one statement that appends a batch',
      buckets: [1, 2.5, 5, 10, 25, 50, 100, 250, 1_000, 5_000],
      registers: [registry],
    }),
    batchRows: new Histogram({
      name: 'weir_ledger_batch_rows',
      help: 'Rows per batch',
      buckets: [1, 5, 20, 50, 100, 250, 500, 1_000],
      registers: [registry],
    }),
    appendFailures: counter(
      'weir_ledger_append_failures_total',
      'Batches that Postgres did not take at once',
    ),
    damagedLines: counter(
      'weir_ledger_damaged_lines_total',
      'Lines of spill or journal that could not be read',
    ),
    journalFailures: counter(
      'weir_journal_failures_total',
      'Attempts whose journal line could not be written',
    ),
    fallbacks: counter('weir_counter_fallback_total', 'Requests admitted by the in-process store'),
    storeFailures: counter('weir_counter_store_failures_total', 'Calls of the counter store that failed'),
    seeds: counter('weir_counter_seeds_total', 'Counters seeded from Postgres'),
    reasserted: counter('weir_counter_reasserted_total', 'Attempts told to a store that had lost them'),
    settlementsDropped: counter(
      'weir_counter_settlements_dropped_total',
      'Settlements left to the sweeper because the store was away for too long',
    ),
    provisional: counter('weir_sweeper_provisional_total', 'Attempts closed provisionally'),
    sweepFailures: counter('weir_sweeper_failures_total', 'Sweeps that failed'),
  };
}

export function registerMeteringGauges(registry: Registry, gauges: MeteringGauges): void {
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  };
  gauge('weir_ledger_queue_rows', 'Rows waiting in memory', gauges.queuedRows);
  gauge('weir_ledger_spill_bytes', 'Bytes waiting on disk', gauges.spillBytes);
  gauge('weir_ledger_spill_age_seconds', 'Age of the oldest spill file', () => gauges.spillAgeMs() / 1_000);
  gauge('weir_metering_live_attempts', 'Attempts begun here and not durably closed', gauges.liveAttempts);
  gauge('weir_counter_settlements_pending', 'Settlements waiting for the store', gauges.pendingSettlements);
  gauge('weir_metering_accepting', '1 while new requests can be recorded', () =>
    gauges.isAccepting() ? 1 : 0,
  );
}
