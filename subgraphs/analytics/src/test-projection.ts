import pg from 'pg';
import { expect } from 'vitest';
import { connectionConfig } from '@weir/service/postgres';
import { PROJECTOR_SESSION, projectBatch } from '@weir/service/projection-step';
import { ANALYTICS_PROJECTOR_ROLE, usageProjection } from './projection/usage-projection.ts';

/** How long something that must happen may take on a busy machine; it says nothing of how long it takes. */
export const SOON = { timeout: 20_000, interval: 5 };

/** A connection as the projector's. */
export async function connectProjector(url: string): Promise<pg.Client> {
  const client = new pg.Client({
    ...connectionConfig({ url, role: ANALYTICS_PROJECTOR_ROLE, applicationName: 'test-projector' }),
    pipeline: true,
  });
  client.on('error', () => undefined);
  await client.connect();
  await client.query(PROJECTOR_SESSION);
  return client;
}

/** Applies everything that is in the log. Rows may have to wait for transactions of other tests on the same server. */
export async function projectAll(client: pg.Client, limit = 1_000): Promise<void> {
  await expect.poll(async () => (await projectBatch(client, usageProjection, limit)).kind, SOON).toBe('idle');
}
