import { describe, expect, it } from 'vitest';
import { createTurnBatches } from './turn-batches.ts';

describe('what one turn asks of the store', () => {
  it('is sent together, each group by itself, and ends as its call does', async () => {
    const calls: (readonly string[])[] = [];
    const batches = createTurnBatches<string, string>({
      send(items) {
        calls.push(items);
        return items.includes('bad') ? Promise.reject(new Error('away')) : Promise.resolve('done');
      },
      atOnce: 50,
    });
    const added = [batches.add('here', 'a'), batches.add('there', 'bad'), batches.add('here', 'b')];
    expect(added.map(({ index }) => index)).toEqual([0, 0, 1]);
    const outcomes = await Promise.allSettled(added.map(({ answer }) => answer));
    expect(calls).toEqual([['a', 'b'], ['bad']]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('is never more than a script should do at once', async () => {
    const sizes: number[] = [];
    const batches = createTurnBatches<number, void>({
      send(items) {
        sizes.push(items.length);
        return Promise.resolve();
      },
      atOnce: 50,
    });
    await Promise.all(Array.from({ length: 120 }, (_, index) => batches.add('here', index).answer));
    expect(sizes).toEqual([50, 50, 20]);
  });

  it('follows what has to be sent before it', async () => {
    const sent: string[] = [];
    const say = (items: readonly string[]) => Promise.resolve(void sent.push(...items));
    const first = createTurnBatches({ send: say, atOnce: 50 });
    const second = createTurnBatches({ send: say, atOnce: 2, before: first.flush });
    const waits = [second.add('here', 'admitted'), first.add('here', 'settled')];
    await Promise.all(waits.map(({ answer }) => answer));
    expect(sent).toEqual(['settled', 'admitted']);
  });
});
