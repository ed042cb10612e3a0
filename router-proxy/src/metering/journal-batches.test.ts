import { expect, it } from 'vitest';
import { createJournalBatches } from './journal-batches.ts';

it('writes the evidence of one turn of the event loop at once, and says so only when it is written', async () => {
  const writes: (readonly string[])[] = [];
  const batches = createJournalBatches({ append: (evidence) => writes.push(evidence) });
  const first = [batches.append('a'), batches.append('b')];
  expect(writes).toEqual([]);
  expect(await Promise.all(first)).toEqual([1, 1]);
  expect(await batches.append('c')).toBe(2);
  expect(writes).toEqual([['a', 'b'], ['c']]);
});

it('tells everybody who waited that the disk refused, and tries again with the next', async () => {
  let isRefusing = true;
  const batches = createJournalBatches({
    append() {
      if (isRefusing) throw new Error('no space');
      return 7;
    },
  });
  const refused = [batches.append('a'), batches.append('b')];
  expect(await Promise.allSettled(refused)).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
  isRefusing = false;
  expect(await batches.append('c')).toBe(7);
});
