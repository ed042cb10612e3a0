import DataLoader from 'dataloader';

/** Keeps one `WHERE id IN (…)` well below the parameter limit of Postgres and the size of a sensible plan. */
const MAX_BATCH_SIZE = 500;

/**
 * A loader for one operation (or one event of a subscription): create it in the context factory, never on a module.
 * @param fetchAll One query for all keys; rows may come in any order and may be missing.
 * @param keyOf The key a row answers. A key without a row loads as null.
 */
export function createRowLoader<Key extends string, Row>(
  fetchAll: (keys: readonly Key[]) => Promise<readonly Row[]>,
  keyOf: (row: Row) => Key,
): DataLoader<Key, Row | null> {
  return new DataLoader<Key, Row | null>(
    async (keys) => {
      const byKey = new Map((await fetchAll(keys)).map((row) => [keyOf(row), row]));
      return keys.map((key) => byKey.get(key) ?? null);
    },
    { maxBatchSize: MAX_BATCH_SIZE },
  );
}

/** As `createRowLoader`, for one-to-many: every key loads as the array of its rows, in the order of the query. */
export function createRowsLoader<Key extends string, Row>(
  fetchAll: (keys: readonly Key[]) => Promise<readonly Row[]>,
  keyOf: (row: Row) => Key,
): DataLoader<Key, readonly Row[]> {
  return new DataLoader<Key, readonly Row[]>(
    async (keys) => {
      const byKey = Map.groupBy(await fetchAll(keys), keyOf);
      return keys.map((key) => byKey.get(key) ?? []);
    },
    { maxBatchSize: MAX_BATCH_SIZE },
  );
}
