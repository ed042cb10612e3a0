import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { Counter, type Registry } from 'prom-client';
import type { Clock } from '@weir/kernel/clock';
import type { Logger } from '@weir/service/logger';
import { connectionConfig } from '@weir/service/postgres';
import { ANALYTICS_PROJECTOR_ROLE } from '../projection/usage-projection.ts';
import { purgeUsage, type OnPurged } from './purge-usage.ts';

export interface UsageRetentionOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly log: Logger;
  /** How time passes; tests let it pass at once. Ends early, without an error, when the signal says so. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

const INTERVAL_MS = 24 * 60 * 60_000;
/** Long enough after the start to be out of its way, and short enough that a platform which restarts often does it, too. */
const FIRST_AFTER_MS = 10 * 60_000;
/** Removed in one transaction. */
const BATCH_ROWS = 5_000;
const STATEMENT_TIMEOUT_MS = 5 * 60_000;

async function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}

async function purgeOnce(
  { url, clock }: UsageRetentionOptions,
  onPurged: OnPurged,
  isStopping: () => boolean,
): Promise<void> {
  const client = new pg.Client({
    ...connectionConfig({ url, role: ANALYTICS_PROJECTOR_ROLE, applicationName: 'weir-usage-retention' }),
    statement_timeout: STATEMENT_TIMEOUT_MS,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const today = new Date(clock.now()).toISOString().slice(0, 10);
    await purgeUsage(client, { today, batchRows: BATCH_ROWS, onPurged, isStopping });
  } finally {
    await client.end();
  }
}

/** Once a day removes the usage that organizations do not keep any longer, and tells it in metrics and the log. */
export function startUsageRetention(options: UsageRetentionOptions): { stop(): Promise<void> } {
  const { log, wait = waitFor } = options;
  const stopping = new AbortController();
  const purgedRows = new Counter({
    name: 'weir_usage_purged_rows_total',
    help: 'Rows of usage that retention removed, by table.',
    labelNames: ['kept_in'] as const,
    registers: [options.registry],
  });
  const isStopping = (): boolean => stopping.signal.aborted;
  const purgeAndTell = async (): Promise<void> => {
    let purged = 0;
    const onPurged: OnPurged = (keptIn, rows) => {
      purgedRows.inc({ kept_in: keptIn }, rows);
      purged += rows;
    };
    try {
      await purgeOnce(options, onPurged, isStopping);
      if (purged > 0) log.info({ purged }, 'old usage was removed');
    } catch (err) {
      log.error({ err, purged }, 'old usage was not removed to the end; it is tried again tomorrow');
    }
  };
  const run = async (): Promise<void> => {
    for (let waitMs = FIRST_AFTER_MS; !isStopping(); waitMs = INTERVAL_MS) {
      await wait(waitMs, stopping.signal);
      if (!isStopping()) await purgeAndTell();
    }
  };
  const running = run();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
