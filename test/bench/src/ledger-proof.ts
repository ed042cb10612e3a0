import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { LedgerProof } from './target.ts';

const SETTLE_DEADLINE_MS = 30_000;

/**
 * Reads the ledger once everything in flight is written, which is when nothing comes any more: an intent without a close is
 * lost, a second close is double.
 */
export async function ledgerProof(databaseUrl: string): Promise<LedgerProof> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const count = async (): Promise<LedgerProof> => {
    const { rows } = await client.query<{ closed: string; lost: string; double: string }>(
      `select count(*) filter (where closes >= 1) as closed,
              count(*) filter (where closes = 0) as lost,
              count(*) filter (where closes > 1) as double
       from (select attempt_id, count(*) filter (where class = 'close') as closes from ledger.attempt_log group by attempt_id) attempts`,
    );
    const row = rows[0];
    return { closed: Number(row?.closed), lost: Number(row?.lost), double: Number(row?.double) };
  };
  try {
    const endAt = performance.now() + SETTLE_DEADLINE_MS;
    let proof = await count();
    let isComing = true;
    while ((isComing || proof.lost > 0) && performance.now() < endAt) {
      await pause(500);
      const next = await count();
      isComing = next.closed > proof.closed;
      proof = next;
    }
    return proof;
  } finally {
    await client.end();
  }
}
