import { writeSync } from 'node:fs';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { z } from 'zod';
import { createLocalCounterStore } from '@weir/counters/local/store';
import { createRedisCounterStore } from '@weir/counters/redis/store';
import { createPool } from '@weir/service/postgres';
import { createLogger } from '@weir/service/logger';
import type { Uuid } from '@weir/kernel/ids';
import { createMetering } from './metering.ts';
import { encodeEvidence } from './record-codec.ts';
import { aClose, anAdmission, anIntent } from './test-attempts.ts';

/** A proxy that a test kills: it begins and closes attempts, and says of each what it has done. */
const uuid = z.uuid().transform((text) => text as Uuid);
const plan = z
  .object({
    url: z.string(),
    home: z.string(),
    redis: z.object({ url: z.string(), prefix: z.string() }).nullable(),
    owner: z.object({ organizationId: uuid, accountPath: z.array(uuid), apiKeyId: uuid }),
    leaseMs: z.number(),
    /** Nothing reaches Postgres by itself before so many rows or milliseconds. */
    flushRows: z.number(),
    flushMs: z.number(),
    phase: z.enum(['begun', 'closed', 'load']),
  })
  .parse(JSON.parse(process.argv[2] ?? ''));

const clock = { now: () => Date.now() };
const log = createLogger({ service: 'test', level: 'silent' });
const store = plan.redis ? createRedisCounterStore(plan.redis) : createLocalCounterStore({ clock });
const { gate, meter, start } = createMetering({
  store,
  pool: createPool({ url: plan.url, role: 'weir_proxy', applicationName: 'test-child', max: 8, log }),
  log,
  clock,
  home: plan.home,
  mode: plan.redis ? 'redis' : 'local',
  registry: new Registry(),
  // The sweep is the next process's.
  settings: {
    flushRows: plan.flushRows,
    flushMs: plan.flushMs,
    paceMs: plan.flushMs,
    intentMs: plan.flushMs,
    sweepMs: 3_600_000,
  },
});

const tell = (what: string, attemptId: Uuid): void => void writeSync(1, `${what} ${attemptId}\n`);

async function attempt(closesAfterMs: number): Promise<void> {
  const intent = anIntent(plan.owner);
  const request = anAdmission(intent, { leaseMs: plan.leaseMs, evidence: encodeEvidence(intent) });
  await gate.admit(
    () => request,
    () => AbortSignal.timeout(5_000),
  );
  await meter.begin(intent, request, null);
  tell('begun', intent.attemptId);
  await delay(closesAfterMs);
  if (plan.phase === 'begun') return;
  meter.close(aClose(intent));
  // The journal is written with the end of the turn.
  await nextTurn();
  tell('closed', intent.attemptId);
}

await start();
if (plan.phase === 'load') {
  // Without end: it is killed in the middle.
  for (let index = 0; ; index++) {
    void attempt(index % 20);
    if (index % 3 === 0) await delay(1);
  }
}
await Promise.all(Array.from({ length: 20 }, () => attempt(5)));
// Settlements leave with the end of the turn; what is asked after them is answered after them.
await nextTurn();
await store.epochs([plan.owner.organizationId]);
writeSync(1, 'ready\n');
await delay(60_000);
