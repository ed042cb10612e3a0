import { describe, expect, it, vi } from 'vitest';
import { createEventQueue } from './event-queue.ts';
import { mapEvents } from './map-events.ts';

interface Event {
  readonly n: number;
}

function queue(capacity: number) {
  const onDrop = vi.fn();
  const onClose = vi.fn();
  return { events: createEventQueue<Event>({ capacity, onDrop, onClose }), onDrop, onClose };
}

async function drain(events: AsyncIterable<Event>): Promise<number[]> {
  const seen: number[] = [];
  for await (const { n } of events) seen.push(n);
  return seen;
}

describe('a queue of events', () => {
  it('hands over what was pushed, in order, before and after it is asked', async () => {
    const { events } = queue(10);
    events.push({ n: 1 });
    const first = events.next();
    const second = events.next();
    events.push({ n: 2 });
    expect([(await first).value, (await second).value]).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it('drops the oldest of a subscriber that is too slow, and counts it', async () => {
    const { events, onDrop } = queue(3);
    for (let n = 1; n <= 5; n++) events.push({ n });
    events.end();
    expect(await drain(events)).toEqual([3, 4, 5]);
    expect(onDrop).toHaveBeenCalledTimes(2);
  });

  it('still delivers what is queued after its end, then fails once where it failed', async () => {
    const { events, onClose } = queue(3);
    events.push({ n: 1 });
    events.fail(new Error('lost'));
    events.push({ n: 2 });
    expect((await events.next()).value).toEqual({ n: 1 });
    await expect(events.next()).rejects.toThrow('lost');
    expect(await events.next()).toEqual({ done: true, value: undefined });
    expect(onClose).toHaveBeenCalledTimes(1);
  });

  it('lets its subscriber leave while it waits, and releases the source once', async () => {
    const { events, onClose } = queue(3);
    const waiting = events.next();
    await events.return(undefined);
    expect(await waiting).toEqual({ done: true, value: undefined });
    await events.return(undefined);
    events.push({ n: 1 });
    expect(await events.next()).toEqual({ done: true, value: undefined });
    expect(onClose).toHaveBeenCalledTimes(1);
  });
});

describe('mapped events', () => {
  it('leave the source at once, also while the next event is awaited', async () => {
    const { events, onClose } = queue(3);
    const mapped = mapEvents(events, ({ n }) => ({ n: n * 10 }));
    const waiting = mapped.next();
    await mapped.return(undefined);
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(onClose).toHaveBeenCalledTimes(1);
  });

  it('leave the source when the mapping fails', async () => {
    const { events, onClose } = queue(3);
    const mapped = mapEvents(events, () => Promise.reject(new Error('no')));
    events.push({ n: 1 });
    await expect(mapped.next()).rejects.toThrow('no');
    expect(onClose).toHaveBeenCalledTimes(1);
  });
});
