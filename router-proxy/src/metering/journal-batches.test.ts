import { expect, it } from 'vitest';
import { createJournalBatches } from './journal-batches.ts';

it('writes the evidence of one turn of the event loop at once, and says so only when it is written', async () => {
  const writes: (readonly string[])[] = [];
  const told: (readonly [string, number])[] = [];
  const batches = createJournalBatches({ append: (evidence) => writes.push(evidence) }, () => undefined);
  const append = (line: string) => batches.append(line, (segment) => told.push([line, segment]));
  const first = [append('a'), append('b')];
  expect([writes, told]).toEqual([[], []]);
  await Promise.all(first);
  await append('c');
  expect(writes).toEqual([['a', 'b'], ['c']]);
  expect(told).toEqual([
    ['a', 1],
    ['b', 1],
    ['c', 2],
  ]);
});

it('tells everybody who waited that the disk refused, and tries again with the next', async () => {
  let isRefusing = true;
  const refused: (readonly [unknown, number])[] = [];
  const told: number[] = [];
  const noSpace = new Error('no space');
  const batches = createJournalBatches(
    {
      append() {
        if (isRefusing) throw noSpace;
        return 7;
      },
    },
    (reason, lines) => refused.push([reason, lines]),
  );
  const append = () => batches.append('a', (segment) => told.push(segment));
  await Promise.all([append(), append()]);
  expect(refused).toEqual([[noSpace, 2]]);
  isRefusing = false;
  await append();
  expect(told).toEqual([0, 0, 7]);
});
