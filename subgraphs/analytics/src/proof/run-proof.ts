import type { ClientBase } from 'pg';
import type { ProofLine } from './proof.ts';

/** Dates from `first` (inclusive) to `end` (exclusive), each `YYYY-MM-DD`. */
export interface ProofRange {
  readonly first: string;
  readonly end: string;
}

interface ProofRow {
  readonly kept_in: string;
  readonly requests_logged: string;
  readonly requests_kept: string;
  readonly tokens_logged: string;
  readonly tokens_kept: string;
  readonly cost_logged: string;
  readonly cost_kept: string;
}

const PROOF = `
  select kept_in, requests_logged::text, requests_kept::text, tokens_logged::text, tokens_kept::text,
         cost_logged::text, cost_kept::text
  from analytics.proof($1::date, $2::date) order by kept_in`;

/**
 * Compares the log with everything that is derived from it. It reads the whole range of the log, so give the connection
 * time; it is right at any moment, also while requests are running.
 * @param client In the role of the analytics projector.
 */
export async function runProof(client: ClientBase, range: ProofRange): Promise<readonly ProofLine[]> {
  const { rows } = await client.query<ProofRow>(PROOF, [range.first, range.end]);
  return rows.map((row) => ({
    keptIn: row.kept_in,
    requests: { logged: BigInt(row.requests_logged), kept: BigInt(row.requests_kept) },
    tokens: { logged: BigInt(row.tokens_logged), kept: BigInt(row.tokens_kept) },
    cost: { logged: BigInt(row.cost_logged), kept: BigInt(row.cost_kept) },
  }));
}
