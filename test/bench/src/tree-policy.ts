import pg from 'pg';
import type { GrownTree } from './tree-rows.ts';

export interface Resolution {
  readonly name: string;
  /** Milliseconds. */
  readonly samples: readonly number[];
}

const SNAPSHOT = 'select policy.snapshot($1)';

/** What a proxy pays for the policy of a key that it does not hold, or no longer. */
export async function policyResolution(
  databaseUrl: string,
  tree: GrownTree,
  keepMoving: (signal: AbortSignal) => Promise<void>,
): Promise<readonly Resolution[]> {
  const client = await connect(databaseUrl);
  try {
    const [leaf] = tree.keyHashes;
    if (!leaf) throw new Error('the leaf has a key');
    const each = tree.keyHashes;
    const same = Array.from({ length: each.length }, () => leaf);
    const cold = await newConnections(databaseUrl, each.slice(0, 30));
    const wide = await resolve(client, each);
    const deep = await resolve(client, same);
    const moving = new AbortController();
    const moves = keepMoving(moving.signal);
    const disturbed = await resolve(client, [...each, ...same]);
    moving.abort();
    await moves;
    return [
      { name: 'policy.snapshot, first of a connection', samples: cold },
      { name: 'policy.snapshot, each key once', samples: wide },
      { name: 'policy.snapshot, 10 deep', samples: deep },
      { name: 'policy.snapshot, while subtrees of 10,000 move', samples: disturbed },
    ];
  } finally {
    await client.end();
  }
}

async function connect(databaseUrl: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: databaseUrl, options: '-c role=weir_proxy' });
  await client.connect();
  return client;
}

async function resolve(client: pg.Client, hashes: readonly Buffer[]): Promise<number[]> {
  const samples: number[] = [];
  for (const hash of hashes) {
    const startedAt = performance.now();
    const { rows } = await client.query<{ snapshot: object | null }>({
      name: 'snapshot',
      text: SNAPSHOT,
      values: [hash],
    });
    if (rows[0]?.snapshot == null) throw new Error('a key without a policy');
    samples.push(performance.now() - startedAt);
  }
  return samples;
}

async function newConnections(databaseUrl: string, hashes: readonly Buffer[]): Promise<number[]> {
  const samples: number[] = [];
  for (const hash of hashes) {
    const client = await connect(databaseUrl);
    samples.push(...(await resolve(client, [hash])));
    await client.end();
  }
  return samples;
}
