import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { LedgerProof } from './target.ts';

const SETTLE_DEADLINE_MS = 30_000;

/**
 * Reads the ledger once everything in flight is written: an intent without a close is lost, a second close is double.
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
    let proof = await count();
    for (const endAt = performance.now() + SETTLE_DEADLINE_MS; proof.lost > 0 && performance.now() < endAt;) {
      await pause(250);
      proof = await count();
    }
    return proof;
  } finally {
    await client.end();
  }
}
