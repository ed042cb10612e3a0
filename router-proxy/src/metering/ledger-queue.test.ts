import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLedgerQueue } from './ledger-queue.ts';
import { aClose, anIntent, anOwner } from './test-attempts.ts';

describe('the queue of the ledger', () => {
  it('lets a close take the place of its intent, and an intent go that waited long enough', () => {
    const [short, long] = [anIntent(anOwner()), anIntent(anOwner())];
    const queue = createLedgerQueue();
    queue.add(long, 0);
    queue.add(short, 10);
    queue.add(aClose(short), 20);
    expect([queue.size, queue.ready]).toEqual([2, 1]);
    queue.release(5);
    expect(queue.take(9).records).toEqual([aClose(short), long]);
    queue.add(aClose(long), 30);
    expect(queue.take(9).records).toEqual([aClose(long)]);
  });

  it('takes no more than asked for, in order, and everything when all is asked for', () => {
    const closes = Array.from({ length: 5 }, () => aClose(anIntent(anOwner())));
    const waiting = anIntent(anOwner());
    const queue = createLedgerQueue();
    for (const close of closes) queue.add(close, 0);
    queue.add(waiting, 0);
    expect(queue.take(2).records).toEqual(closes.slice(0, 2));
    expect(queue.takeAll().records).toEqual([...closes.slice(2), waiting]);
    expect(queue.size).toBe(0);
  });

  it('never says that the oldest record is younger than one that waits, whatever is added, taken and put back', () => {
    const step = fc.oneof(
      fc.constant('begin' as const),
      fc.constant('close' as const),
      fc.constant('release' as const),
      fc.constant('take' as const),
      fc.constant('put back' as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const queue = createLedgerQueue();
        const open: ReturnType<typeof anIntent>[] = [];
        /** Numbers of the records that wait, by what they are. */
        const waiting = new Map<unknown, number>();
        let taken: ReturnType<typeof queue.take> | undefined;
        let added = 0;
        for (const what of steps) {
          if (what === 'begin') {
            const intent = anIntent(anOwner());
            open.push(intent);
            waiting.set(intent, added++);
            queue.add(intent, 0);
          } else if (what === 'close') {
            const intent = open.shift();
            if (!intent) continue;
            const close = aClose(intent);
            waiting.set(close, added++);
            queue.add(close, 0);
          } else if (what === 'release') queue.release(0);
          else if (what === 'take' && !taken) {
            taken = queue.take(3);
            for (const record of taken.records)
              expect(waiting.get(record)).toBeGreaterThanOrEqual(taken.oldest);
          } else if (what === 'put back' && taken) {
            queue.putBack(taken);
            taken = undefined;
          }
          const all = Math.min(queue.oldest(), taken?.oldest ?? queue.added);
          expect(all).toBeLessThanOrEqual(queue.added);
        }
        const rest = queue.takeAll();
        for (const record of rest.records) expect(waiting.get(record)).toBeGreaterThanOrEqual(rest.oldest);
        expect(queue.oldest()).toBe(queue.added);
      }),
    );
  });
});
