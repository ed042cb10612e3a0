import { createHash } from 'node:crypto';
import pg from 'pg';
import { decodeId, newUuid } from '@weir/kernel/ids';
import { newVirtualKey, visibleParts } from '@weir/kernel/virtual-key';
import { insertRow } from '@weir/testkit/postgres-tenant';

/** An API key of the load. */
export interface LoadKey {
  readonly id: string;
  readonly secret: string;
}

/** Who sends the load, and the budget that it has to share. */
export interface ChaosTenant {
  /** Under the budget; a client that leaves ends its provider's answer. */
  readonly aborting: LoadKey;
  /** Under the budget; a client that leaves is metered to the end. */
  readonly draining: LoadKey;
  /** Under no budget at all. */
  readonly free: LoadKey;
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
  const organizationId = decodeId('organization', publicOrganizationId);
  if (organizationId === undefined) throw new Error(`${publicOrganizationId} is no organization`);
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ id: string; kind: string }>(
      'select id, kind from identity.accounts where organization_id = $1',
      [organizationId],
    );
    const accountOf = (kind: string) => rows.find((row) => row.kind === kind)?.id;
    const addKey = async (accountId: string | undefined, disconnectPolicy: string): Promise<LoadKey> => {
      const id = newUuid();
      const secret = newVirtualKey();
      await insertRow(client, 'identity.api_keys', {
        id,
        organization_id: organizationId,
        account_id: accountId,
        name: disconnectPolicy,
        key_hash: createHash('sha256').update(secret).digest(),
        ...visibleParts(secret),
        scopes: ['inference:write'],
        disconnect_policy: disconnectPolicy,
      });
      return { id, secret };
    };
    await insertRow(client, 'billing.budgets', {
      id: newUuid(),
      organization_id: organizationId,
      node_kind: 'ACCOUNT',
      node_id: accountOf('TEAM'),
      name: 'chaos',
      metric: 'COST',
      limit_amount: limitNano.toString(),
      period: 'TOTAL',
      enforcement: 'BLOCK',
    });
    return {
      aborting: await addKey(accountOf('TEAM'), 'ABORT'),
      draining: await addKey(accountOf('TEAM'), 'DRAIN'),
      free: await addKey(accountOf('OWNER'), 'DRAIN'),
      limitNano,
      prices: await readPrices(client),
    };
  } finally {
    await client.end();
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
