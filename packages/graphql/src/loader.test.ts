import { expect, it, vi } from 'vitest';
import { createRowLoader, createRowsLoader } from './loader.ts';

const rows = [
  { id: 'b', owner: 'x' },
  { id: 'a', owner: 'x' },
];

it('a row loader asks once for all keys and answers each, null for a missing one', async () => {
  const fetchAll = vi.fn(async (keys: readonly string[]) => rows.filter((row) => keys.includes(row.id)));
  const loader = createRowLoader(fetchAll, (row) => row.id);
  expect(await Promise.all([loader.load('a'), loader.load('missing'), loader.load('b')])).toEqual([
    { id: 'a', owner: 'x' },
    null,
    { id: 'b', owner: 'x' },
  ]);
  expect(fetchAll).toHaveBeenCalledTimes(1);
});

it('a rows loader answers each key with its rows in the order of the query', async () => {
  const loader = createRowsLoader(
    async () => rows,
    (row) => row.owner,
  );
  expect(await loader.load('x')).toEqual(rows);
  expect(await loader.load('y')).toEqual([]);
});
