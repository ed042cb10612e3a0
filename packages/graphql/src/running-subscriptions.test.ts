import { describe, expect, it, vi } from 'vitest';
import { createEventQueue } from './event-queue.ts';
import { createRunningSubscriptions } from './running-subscriptions.ts';

interface Event {
  readonly text: string;
}

const LAST: Event = { text: 'last' };

function runOne() {
  const running = createRunningSubscriptions<Event>();
  const onSourceClose = vi.fn();
  const onClose = vi.fn();
  const source = createEventQueue<Event>({ capacity: 5, onClose: onSourceClose });
  const stream = running.run(source, onClose);
  return { running, source, stream, onClose, onSourceClose };
}

describe('a running subscription', () => {
  it('passes its events on and is over when its source is', async () => {
    const { running, source, stream, onClose } = runOne();
    source.push({ text: 'a' });
    source.end();
    expect(await stream.next()).toEqual({ done: false, value: { text: 'a' } });
    expect(running.count()).toBe(1);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect([running.count(), onClose.mock.calls.length]).toEqual([0, 1]);
  });

  it('can be ended from outside with a last word, while it waits', async () => {
    const { stream, onClose, onSourceClose } = runOne();
    const waiting = stream.next();
    stream.end(LAST);
    expect(await waiting).toEqual({ done: false, value: LAST });
    expect(onClose).not.toHaveBeenCalled();
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect([onClose.mock.calls.length, onSourceClose.mock.calls.length]).toEqual([1, 1]);
  });

  it('tells the last word to a subscriber who asks later, and nothing that came after it', async () => {
    const { source, stream } = runOne();
    stream.end(LAST);
    source.push({ text: 'too late' });
    expect(await stream.next()).toEqual({ done: false, value: LAST });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it('lets its subscriber leave while it waits', async () => {
    const { running, stream, onClose, onSourceClose } = runOne();
    const waiting = stream.next();
    await stream.return(undefined);
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect([running.count(), onClose.mock.calls.length, onSourceClose.mock.calls.length]).toEqual([0, 1, 1]);
  });

  it('fails as its source does, and is over then', async () => {
    const { running, source, stream } = runOne();
    source.fail(new Error('lost'));
    await expect(stream.next()).rejects.toThrow('lost');
    expect(running.count()).toBe(0);
  });
});

describe('all running subscriptions', () => {
  it('are ended when each subscriber has been told', async () => {
    const { running, stream } = runOne();
    const other = running.run(createEventQueue<Event>({ capacity: 5 }));
    const waiting = other.next();
    let isEnded = false;
    const ended = running.endAll(LAST).then(() => {
      isEnded = true;
    });
    expect((await waiting).value).toEqual(LAST);
    await other.next();
    expect((await stream.next()).value).toEqual(LAST);
    expect(isEnded).toBe(false);
    await stream.next();
    await ended;
    expect(running.count()).toBe(0);
  });

  it('are ended at once when there are none', async () => {
    await expect(createRunningSubscriptions<Event>().endAll(LAST)).resolves.toBeUndefined();
  });
});
