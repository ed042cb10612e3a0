import type { SealedSecret } from '@weir/contracts/policy-snapshot';
import type { Uuid } from '@weir/kernel/ids';
import type { createPool } from '@weir/service/postgres';
import { openSecret, sealSecret, VaultError, type VaultKey, type VaultKeys } from '@weir/service/vault';
import { SEALED_TABLES, type SealedTable } from './sealed-tables.ts';

type Pool = ReturnType<typeof createPool>;

/** What became of the rows of one table. */
export interface RewrapCounts {
  readonly name: string;
  /** Sealed anew with the current master key. */
  rewrapped: number;
  /** Sealed with it already. */
  current: number;
  /** No master key that was given opens them. */
  unopened: number;
}

/** Each transaction holds so few rows that nobody waits for it. */
const BATCH_ROWS = 100;
const BEFORE_EVERY_ID = '00000000-0000-0000-0000-000000000000';

/**
 * Seals everything that a former master key sealed with the current one, while all services run. It can be stopped at
 * any point and begun anew: what is done stays done, and a row is written only when another key opened it.
 * @throws Error when the login sees only some rows.
 */
export async function rewrapAll(pool: Pool, masterKeys: VaultKeys): Promise<readonly RewrapCounts[]> {
  const { rows } = await pool.query<{ hidden: boolean }>(
    `select row_security_active('identity.owner_keys') as hidden`,
  );
  if (rows[0]?.hidden !== false) {
    throw new Error(
      'DATABASE_URL must be the login that migrates: row-level security hides keys from this one.',
    );
  }
  const counts: RewrapCounts[] = [];
  for (const table of SEALED_TABLES) counts.push(await rewrapTable(pool, table, masterKeys));
  return counts;
}

async function rewrapTable(pool: Pool, table: SealedTable, masterKeys: VaultKeys): Promise<RewrapCounts> {
  const counts: RewrapCounts = { name: table.name, rewrapped: 0, current: 0, unopened: 0 };
  for (let after: string | undefined = BEFORE_EVERY_ID; after !== undefined;) {
    after = await rewrapBatch(pool, table, masterKeys, after, counts);
  }
  return counts;
}

/** @returns The last id of the batch; undefined when nothing follows. */
async function rewrapBatch(
  pool: Pool,
  table: SealedTable,
  masterKeys: VaultKeys,
  after: string,
  counts: RewrapCounts,
): Promise<string | undefined> {
  const client = await pool.connect();
  const done = { rewrapped: 0, current: 0, unopened: 0 };
  try {
    await client.query('begin');
    const { rows } = await client.query<SealedSecret & { readonly id: Uuid }>(table.select, [
      after,
      BATCH_ROWS,
    ]);
    for (const row of rows) {
      const resealed = reseal(row, masterKeys, table.binding(row.id, row.version));
      if (typeof resealed === 'string') {
        done[resealed] += 1;
      } else {
        await client.query(table.update, [row.id, resealed.ciphertext, resealed.nonce]);
        done.rewrapped += 1;
      }
    }
    await client.query('commit');
    client.release();
    for (const outcome of ['rewrapped', 'current', 'unopened'] as const) counts[outcome] += done[outcome];
    return rows.length < BATCH_ROWS ? undefined : rows.at(-1)?.id;
  } catch (error) {
    // Its transaction ends with the connection.
    client.release(error instanceof Error ? error : true);
    throw error;
  }
}

function reseal(
  sealed: SealedSecret,
  [current, ...former]: VaultKeys,
  binding: string,
): SealedSecret | 'current' | 'unopened' {
  if (tryOpen(sealed, current, binding)) return 'current';
  for (const key of former) {
    const bytes = tryOpen(sealed, key, binding);
    if (!bytes) continue;
    const resealed = sealSecret(bytes, current, binding, sealed.version);
    bytes.fill(0);
    return resealed;
  }
  return 'unopened';
}

function tryOpen(sealed: SealedSecret, key: VaultKey, binding: string): Buffer | undefined {
  try {
    return openSecret(sealed, key, binding);
  } catch (thrown) {
    if (thrown instanceof VaultError) return undefined;
    throw thrown;
  }
}
