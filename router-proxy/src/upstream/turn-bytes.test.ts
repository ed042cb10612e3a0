import { describe, expect, it } from 'vitest';
import { TurnBytes } from './turn-bytes.ts';

function collected() {
  const parts: string[] = [];
  return { parts, turn: new TurnBytes((bytes) => void parts.push(bytes.toString())) };
}

/** Comes after everything that was to happen at the end of this turn. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the bytes of one turn', () => {
  it('are handed on as one piece, in their order, when the turn ends', async () => {
    const { parts, turn } = collected();
    for (const piece of ['a', 'b', 'c']) turn.add(Buffer.from(piece));
    expect(parts).toEqual([]);
    await nextTurn();
    turn.add(Buffer.from('d'));
    await nextTurn();
    expect(parts).toEqual(['abc', 'd']);
  });

  it('are handed on once when somebody cannot wait for the end', async () => {
    const { parts, turn } = collected();
    turn.add(Buffer.from('a'));
    turn.flush();
    expect(parts).toEqual(['a']);
    turn.add(Buffer.from('b'));
    await nextTurn();
    turn.flush();
    expect(parts).toEqual(['a', 'b']);
  });

  it('are handed on at once where they are many, so that back-pressure is felt', () => {
    const { parts, turn } = collected();
    turn.add(Buffer.alloc(16_384, 'x'));
    expect(parts).toEqual([]);
    turn.add(Buffer.from('y'));
    expect(parts.join('')).toHaveLength(16_385);
  });
});
