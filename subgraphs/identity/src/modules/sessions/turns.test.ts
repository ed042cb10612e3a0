import { describe, expect, it } from 'vitest';
import { createTurns } from './turns.ts';

describe('turns', () => {
  it('never run two works of one key at once, and keep their order', async () => {
    const inTurn = createTurns();
    const seen: string[] = [];
    const work = (name: string) => async () => {
      seen.push(`${name} begins`);
      await Promise.resolve();
      seen.push(`${name} ends`);
    };
    await Promise.all([inTurn('k', work('a')), inTurn('k', work('b'))]);
    expect(seen).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
  });

  it('let different keys run side by side', async () => {
    const inTurn = createTurns();
    const { promise, resolve } = Promise.withResolvers<string>();
    const waiting = inTurn('a', () => promise);
    await expect(inTurn('b', () => Promise.resolve('b'))).resolves.toBe('b');
    resolve('a');
    await expect(waiting).resolves.toBe('a');
  });

  it('go on after failed work and turn away whom they cannot serve soon', async () => {
    const inTurn = createTurns();
    const { promise, reject } = Promise.withResolvers<never>();
    const failing = inTurn('k', () => promise);
    const waiting = Array.from({ length: 20 }, () => inTurn('k', () => Promise.resolve('served')));
    expect(() => inTurn('k', () => Promise.resolve())).toThrow(
      expect.objectContaining({ code: 'RATE_LIMITED' }),
    );
    reject(new Error('no'));
    await expect(failing).rejects.toThrow('no');
    await expect(Promise.all(waiting)).resolves.toHaveLength(20);
  });
});
