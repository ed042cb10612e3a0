import { expect, it } from 'vitest';
import { createWaker } from './waker.ts';

/** Longer than the test may take: only a wake ends the wait. */
const LONG_MS = 60_000;

it('remembers a wake that comes while nobody waits, once', async () => {
  const waker = createWaker();
  waker.wake();
  waker.wake();
  await waker.wait(LONG_MS);
  const woken: string[] = [];
  const second = waker.wait(LONG_MS).then(() => woken.push('second'));
  woken.push('waiting');
  await Promise.resolve();
  waker.wake();
  await second;
  expect(woken).toEqual(['waiting', 'second']);
});

it('ends a wait that is going on', async () => {
  const waker = createWaker();
  const waiting = waker.wait(LONG_MS);
  waker.wake();
  expect(await waiting).toBe(true);
});

it('forgets what came before the look for work, and ends by itself after the time', async () => {
  const waker = createWaker();
  waker.wake();
  waker.clear();
  let isOver = false;
  const waiting = waker.wait(1).then((isWoken) => {
    isOver = true;
    return isWoken;
  });
  await Promise.resolve();
  expect(isOver).toBe(false);
  expect(await waiting).toBe(false);
});
