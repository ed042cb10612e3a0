import { Counter } from 'prom-client';
import pg from 'pg';
import { expect } from 'vitest';
import { connectionConfig } from '@weir/service/postgres';
import { PROJECTOR_SESSION, projectBatch, type Projection } from '@weir/service/projection-step';
import { BILLING_PROJECTOR_ROLE, createSpendProjection } from './projection/spend-projection.ts';

/** The projection as the service makes it, with a counter of its own. */
export function spendProjection(): Projection {
  return createSpendProjection(new Counter({ name: 'alerts', help: 'alerts', registers: [] }));
}

/** A connection as the projector's. */
export async function connectProjector(url: string): Promise<pg.Client> {
  const client = new pg.Client({
    ...connectionConfig({ url, role: BILLING_PROJECTOR_ROLE, applicationName: 'test-projector' }),
    pipeline: true,
  });
  client.on('error', () => undefined);
  await client.connect();
  await client.query(PROJECTOR_SESSION);
  return client;
}

/**
 * Applies everything that is in the log. Rows may have to wait for transactions of other tests on the same server,
 * hence the deadline.
 */
export async function projectAll(
  client: pg.Client,
  projection: Projection = spendProjection(),
  limit = 1_000,
) {
  await expect
    .poll(async () => (await projectBatch(client, projection, limit)).kind, { timeout: 20_000, interval: 5 })
    .toBe('idle');
}
