import type pg from 'pg';
import { openSeeding, type SeededKey } from '@weir/e2e/seeding';

/** Who sends the load, and the budget that it has to share. */
export interface ChaosTenant {
  /** Under the budget; a client that leaves ends its provider's answer. */
  readonly aborting: SeededKey;
  /** Under the budget; a client that leaves is metered to the end. */
  readonly draining: SeededKey;
  /** Under no budget at all. */
  readonly free: SeededKey;
  /** Nano-USD that `aborting` and `draining` may spend together. */
  readonly limitNano: bigint;
  /** By model; nano-USD per million tokens. */
  readonly prices: ReadonlyMap<string, ModelPrice>;
}

export interface ModelPrice {
  readonly input: bigint;
  readonly cachedInput: bigint;
  readonly output: bigint;
  readonly reasoning: bigint;
}

/** Gives the demo organization's team a BLOCK budget of money and two keys, and its root account a key without one. */
export async function seedTenant(
  databaseUrl: string,
  publicOrganizationId: string,
  limitNano: bigint,
): Promise<ChaosTenant> {
  const seeding = await openSeeding(databaseUrl, publicOrganizationId);
  try {
    const team = await seeding.accountOf('TEAM');
    await seeding.addBudget({ node_kind: 'ACCOUNT', node_id: team, limit_amount: limitNano.toString() });
    return {
      aborting: await seeding.addKey(team, { disconnect_policy: 'ABORT' }),
      draining: await seeding.addKey(team, { disconnect_policy: 'DRAIN' }),
      free: await seeding.addKey(await seeding.accountOf('OWNER'), { disconnect_policy: 'DRAIN' }),
      limitNano,
      prices: await readPrices(seeding.client),
    };
  } finally {
    await seeding.close();
  }
}

async function readPrices(client: pg.Client): Promise<ReadonlyMap<string, ModelPrice>> {
  const { rows } = await client.query<Readonly<Record<string, string>>>(
    'select model, input, cached_input, output, reasoning from billing.prices',
  );
  return new Map(
    rows.map((row) => [
      row['model'] ?? '',
      {
        input: BigInt(row['input'] ?? 0),
        cachedInput: BigInt(row['cached_input'] ?? 0),
        output: BigInt(row['output'] ?? 0),
        reasoning: BigInt(row['reasoning'] ?? 0),
      },
    ]),
  );
}
