import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { Gauge, type Registry } from 'prom-client';
import type { Logger } from '@weir/service/logger';
import { connectionConfig } from '@weir/service/postgres';
import { ANALYTICS_PROJECTOR_ROLE } from '../projection/usage-projection.ts';
import { differenceOf, isProven, MEASURES, type ProofLine } from './proof.ts';
import { runProof } from './run-proof.ts';

export interface NightlyProofOptions {
  readonly url: string;
  /** Hour of the day, UTC. */
  readonly hour: number;
  /** How many days back it looks. */
  readonly days: number;
  /** Only one process proves: the one that leads the projection. */
  isLeading(): boolean;
  readonly registry: Registry;
  readonly log: Logger;
}

const DAY_MS = 86_400_000;
const STATEMENT_TIMEOUT_MS = 30 * 60_000;

/** Milliseconds until the clock next shows the hour (UTC). */
export function untilHour(hour: number, nowMs: number): number {
  const today = Math.floor(nowMs / DAY_MS) * DAY_MS + hour * 3_600_000;
  return (today > nowMs ? today : today + DAY_MS) - nowMs;
}

function createProofMetrics(registry: Registry) {
  const difference = new Gauge({
    name: 'weir_proof_difference',
    help: 'Kept minus logged at the last proof, by table and measure; cost in nano-USD. Anything but 0 is an incident.',
    labelNames: ['kept_in', 'measure'] as const,
    registers: [registry],
  });
  const provenAt = new Gauge({
    name: 'weir_proof_timestamp_seconds',
    help: 'When the last proof was made.',
    registers: [registry],
  });
  return (lines: readonly ProofLine[]): void => {
    for (const line of lines) {
      for (const measure of MEASURES) {
        difference.set({ kept_in: line.keptIn, measure }, Number(differenceOf(line[measure])));
      }
    }
    provenAt.setToCurrentTime();
  };
}

async function prove(options: NightlyProofOptions): Promise<readonly ProofLine[]> {
  const client = new pg.Client({
    ...connectionConfig({
      url: options.url,
      role: ANALYTICS_PROJECTOR_ROLE,
      applicationName: 'weir-proof',
    }),
    statement_timeout: STATEMENT_TIMEOUT_MS,
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
    const dateOf = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10);
    // Two days beyond today, because business dates run ahead of UTC.
    return await runProof(client, {
      first: dateOf(today - options.days * DAY_MS),
      end: dateOf(today + 2 * DAY_MS),
    });
  } finally {
    await client.end();
  }
}

/** Proves every night that the log, the rollups and the spend say the same, and tells it in metrics and the log. */
export function startNightlyProof(options: NightlyProofOptions): { stop(): Promise<void> } {
  const { log, hour } = options;
  const stopping = new AbortController();
  const publish = createProofMetrics(options.registry);
  const proveAndTell = async (): Promise<void> => {
    try {
      const lines = await prove(options);
      publish(lines);
      if (isProven(lines)) log.info({ days: options.days }, 'the ledger and its sums agree');
      else log.error({ lines }, 'the ledger and its sums differ');
    } catch (err) {
      log.error({ err }, 'the proof could not be made');
    }
  };
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await delay(untilHour(hour, Date.now()), undefined, { signal: stopping.signal }).catch(() => undefined);
      if (!stopping.signal.aborted && options.isLeading()) await proveAndTell();
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
