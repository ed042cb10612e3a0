import { describe, expect, it } from 'vitest';
import { createGate } from './hash-gate.ts';

describe('a gate', () => {
  it('runs no more than its limit at a time and everybody who may wait', async () => {
    const gate = createGate({ runningMax: 3, waitingMax: 20 });
    let running = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      running += 1;
      most = Math.max(most, running);
      await Promise.resolve();
      running -= 1;
    };
    await Promise.all(Array.from({ length: 23 }, () => gate(work)));
    expect(most).toBe(3);
  });

  it('turns callers away instead of queueing them without bound', async () => {
    const gate = createGate({ runningMax: 1, waitingMax: 2 });
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const outcomes = Promise.allSettled(Array.from({ length: 5 }, () => gate(() => promise)));
    resolve(undefined);
    const refused = (await outcomes).filter((outcome) => outcome.status === 'rejected');
    expect(refused).toHaveLength(2);
    expect(refused[0]?.reason).toMatchObject({ code: 'RATE_LIMITED', retryAfterSeconds: 1 });
  });

  it('gives the place of failed work to the next', async () => {
    const gate = createGate({ runningMax: 1, waitingMax: 1 });
    const failing = gate(() => Promise.reject(new Error('no')));
    const next = gate(() => Promise.resolve('served'));
    await expect(failing).rejects.toThrow('no');
    await expect(next).resolves.toBe('served');
    await expect(gate(() => Promise.resolve('again'))).resolves.toBe('again');
  });
});
