import pg from 'pg';

export interface LedgerAttempt {
  readonly attemptId: string;
  readonly apiKeyId: string;
  readonly intents: number;
  readonly closes: number;
  readonly kinds: readonly string[];
  /** PROVIDER, DRAINED, ESTIMATED, NONE, or HOLD after a crash; null while it is open. */
  readonly source: string | null;
  readonly tokens: number;
  readonly costNano: bigint;
}

/** Every attempt of the log, summed over its rows, as the owner of the database sees it. */
export async function readLedger(databaseUrl: string): Promise<LedgerAttempt[]> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{
      id: string;
      key: string;
      source: string | null;
      intents: string;
      closes: string;
      kinds: string[];
      tokens: string;
      cost: string;
    }>(
      `select attempt_id as id,
              min(api_key_id::text) as key,
              min(metering_source) filter (where class = 'close') as source,
              count(*) filter (where class = 'intent') as intents,
              count(*) filter (where class = 'close') as closes,
              array_agg(kind order by kind) filter (where class <> 'intent') as kinds,
              coalesce(sum(input_tokens + cached_input_tokens + cache_write_tokens + output_tokens + reasoning_tokens)
                       filter (where class <> 'intent'), 0) as tokens,
              coalesce(sum(cost) filter (where class <> 'intent'), 0) as cost
       from ledger.attempt_log group by attempt_id`,
    );
    return rows.map((row) => ({
      attemptId: row.id,
      apiKeyId: row.key,
      source: row.source,
      intents: Number(row.intents),
      closes: Number(row.closes),
      kinds: row.kinds ?? [],
      tokens: Number(row.tokens),
      costNano: BigInt(row.cost),
    }));
  } finally {
    await client.end();
  }
}
