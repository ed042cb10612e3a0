import type { Pool, PoolClient } from 'pg';
import type { Clock } from '@weir/kernel/clock';
import type { Logger } from '@weir/service/logger';
import type { LedgerClient } from './ledger-client.ts';
import type { MeteringMetrics } from './metrics.ts';

/**
 * What one proxy of all does every few seconds: ends attempts that nobody ends, keeps the list of open intents and
 * makes partitions ahead. It leads while its connection holds the advisory lock.
 */
export interface Sweeper {
  /** One sweep, if this proxy leads or can lead now; never rejects. */
  tick(): Promise<void>;
  stop(): void;
}

export interface SweeperOptions {
  readonly pool: Pool;
  readonly ledger: LedgerClient;
  readonly sweepExpired: () => Promise<void>;
  readonly sweepDoubtful: () => Promise<void>;
  readonly clock: Clock;
  readonly metrics: MeteringMetrics;
  readonly log: Logger;
}

const LOCK = `hashtextextended('weir.sweeper', 0)`;
const FOLLOW_ROWS = 20_000;
const FOLLOW_ROUNDS_MAX = 20;
const PARTITION_DAYS = 7;
const PARTITIONS_EVERY_MS = 600_000;

export function createSweeper(options: SweeperOptions): Sweeper {
  const { pool, ledger, sweepExpired, sweepDoubtful, clock, metrics, log } = options;
  let leader: PoolClient | undefined;
  let isRunning = false;
  let isStopped = false;
  let partitionsDueMs = 0;

  const lead = async (): Promise<boolean> => {
    if (leader) {
      await leader.query('select 1');
      return true;
    }
    const client = await pool.connect();
    try {
      const { rows } = await client.query<{ locked: boolean }>(
        `select pg_try_advisory_lock(${LOCK}) as locked`,
      );
      if (rows[0]?.locked !== true) {
        client.release();
        return false;
      }
    } catch (error) {
      client.release(true);
      throw error;
    }
    // A connection that breaks while nobody asks it anything must not end the process.
    client.on('error', resign);
    leader = client;
    log.info({}, 'leading the sweep');
    return true;
  };

  const resign = (): void => {
    const client = leader;
    leader = undefined;
    // The lock ends with the connection.
    client?.release(true);
  };

  const sweep = async (): Promise<void> => {
    await sweepExpired();
    for (let round = 0; round < FOLLOW_ROUNDS_MAX; round++) {
      if (!(await ledger.followOpenAttempts(FOLLOW_ROWS))) break;
    }
    await sweepDoubtful();
    if (clock.now() < partitionsDueMs) return;
    await ledger.ensurePartitions(PARTITION_DAYS);
    partitionsDueMs = clock.now() + PARTITIONS_EVERY_MS;
  };

  return {
    async tick() {
      if (isRunning || isStopped) return;
      isRunning = true;
      try {
        if (await lead()) await sweep();
      } catch (err) {
        metrics.sweepFailures.inc();
        log.warn({ err }, 'sweep failed');
        await leader?.query('select 1').catch(resign);
      } finally {
        isRunning = false;
        if (isStopped) resign();
      }
    },
    stop() {
      isStopped = true;
      if (!isRunning) resign();
    },
  };
}
