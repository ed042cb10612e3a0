import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { createPool } from '@weir/service/postgres';
import { createTestDatabase } from '@weir/testkit/postgres';
import { insertRow, seedTenant, type Tenant } from '@weir/testkit/postgres-tenant';
import { createDeadLetters } from './dead-letters.ts';
import { createLedgerAppender } from './ledger-appender.ts';
import { createLedgerClient } from './ledger-client.ts';
import { createLedgerWriter } from './ledger-writer.ts';
import { createMeteringMetrics } from './metrics.ts';
import { METERING_DEFAULTS, type MeteringSettings } from './settings.ts';
import { createSpill } from './spill.ts';
import type { TestOwner } from './test-attempts.ts';

export const silent = pino({ level: process.env['TEST_LOG'] ?? 'silent' });

/** A migrated database with one organization, as its migrating login and as the proxy see it. */
export async function createTestLedger() {
  const database = await createTestDatabase();
  const admin = new pg.Pool({ connectionString: database.url, max: 4 });
  // Dropping the database ends what is idle.
  admin.on('error', () => undefined);
  const tenant = await seedTenant(admin);
  const pools: pg.Pool[] = [];
  const poolOn = (url: string): pg.Pool => {
    const pool = createPool({ url, role: 'weir_proxy', applicationName: 'test', max: 8, log: silent });
    pools.push(pool);
    return pool;
  };
  return {
    url: database.url,
    admin,
    tenant,
    owner: ownerOf(tenant),
    pool: poolOn(database.url),
    poolOn,
    /** Every row of the log: class, kind, attempt and cost, in writing order. */
    async rows(): Promise<readonly LedgerRow[]> {
      const { rows } = await admin.query<LedgerRow>(
        'select class, kind, attempt_id, cost::text, status from ledger.attempt_log order by xid, seq',
      );
      return rows;
    },
    async drop() {
      await Promise.all([...pools, admin].map((pool) => pool.end()));
      await database.drop();
    },
  };
}

export type TestLedger = Awaited<ReturnType<typeof createTestLedger>>;

export interface LedgerRow {
  readonly class: string;
  readonly kind: string;
  readonly attempt_id: Uuid;
  readonly cost: string;
  readonly status: string | null;
}

function ownerOf({ organizationId, ownerId, teamId, apiKeyId }: Tenant): TestOwner {
  return { organizationId, accountPath: [ownerId, teamId], apiKeyId };
}

/** A BLOCK budget; on the organization unless told. */
export async function insertBudget(
  { admin, tenant }: Pick<TestLedger, 'admin' | 'tenant'>,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<Uuid> {
  const id = newUuid();
  await insertRow(admin, 'billing.budgets', {
    id,
    organization_id: tenant.organizationId,
    node_kind: 'ORGANIZATION',
    node_id: tenant.organizationId,
    name: 'Budget',
    metric: 'COST',
    limit_amount: 1_000_000,
    period: 'DAILY',
    enforcement: 'BLOCK',
    ...changes,
  });
  return id;
}

export function aHome(): { readonly path: string; remove(): Promise<void> } {
  const path = mkdtempSync(join(tmpdir(), 'weir-metering-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** A writer with its spill in a folder of its own. */
export function createTestWriter(pool: pg.Pool, folder: string, changes: Partial<MeteringSettings> = {}) {
  const settings = { ...METERING_DEFAULTS, spillAfterMs: 20, queryTimeoutMs: 1_000, ...changes };
  const clock = { now: () => Date.now() };
  const spill = createSpill({
    folder: join(folder, 'spill'),
    clock,
    bytesMax: settings.spillBytesMax,
    fileBytes: settings.spillFileBytes,
  });
  const durable: string[] = [];
  const metrics = createMeteringMetrics(new Registry());
  const deadLetters = createDeadLetters(join(folder, 'dead-letters.ndjson'));
  const ledger = createLedgerClient(pool, settings.queryTimeoutMs);
  const writer = createLedgerWriter({
    appender: createLedgerAppender({ ledger, deadLetters, metrics, log: silent }),
    spill,
    deadLetters,
    settings,
    metrics,
    log: silent,
    onDurable: (records) => durable.push(...records.map((record) => record.attemptId)),
  });
  return { writer, spill, durable };
}

export function soon(ms = 30_000): AbortSignal {
  return AbortSignal.timeout(ms);
}

/** Waits for what must become true. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  withinMs = 30_000,
): Promise<void> {
  const signal = AbortSignal.timeout(withinMs);
  while (!(await condition())) await delay(5, undefined, { signal });
}
