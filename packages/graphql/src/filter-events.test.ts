import { expect, it } from 'vitest';
import { filterEvents } from './filter-events.ts';

async function* numbers(onEnd: () => void): AsyncGenerator<number> {
  try {
    for (let next = 1; ; next++) yield await Promise.resolve(next);
  } finally {
    onEnd();
  }
}

it('leaves out what is not kept, and ends the source when it is left', async () => {
  let ended = false;
  const even = filterEvents(
    numbers(() => (ended = true)),
    (number) => Promise.resolve(number % 2 === 0),
  );
  const found: number[] = [];
  for await (const number of even) {
    found.push(number);
    if (found.length === 3) break;
  }
  expect(found).toEqual([2, 4, 6]);
  expect(ended).toBe(true);
});

it('ends the source when nobody can tell whether an event is kept', async () => {
  let ended = false;
  const broken = filterEvents(
    numbers(() => (ended = true)),
    () => Promise.reject(new Error('unknown')),
  );
  await expect(broken.next()).rejects.toThrow('unknown');
  expect(ended).toBe(true);
});
