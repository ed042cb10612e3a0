import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCursor, encodeCursor } from './cursor.ts';

const keys = fc.array(fc.string({ unit: 'grapheme', maxLength: 20 }), { minLength: 1, maxLength: 4 });

describe('a cursor', () => {
  it('gives back the keys it was made of, in any script', () => {
    fc.assert(
      fc.property(keys, (values) => {
        const cursor = encodeCursor('budgets.name', values);
        expect(cursor).toMatch(/^[\w-]+$/);
        expect(decodeCursor('budgets.name', values.length, cursor)).toEqual(values);
      }),
    );
  });

  it('is refused by another list and for another number of keys', () => {
    const cursor = encodeCursor('budgets.name', ['a', 'b']);
    expect(decodeCursor('apiKeys.name', 2, cursor)).toBeUndefined();
    expect(decodeCursor('budgets.name', 1, cursor)).toBeUndefined();
    expect(decodeCursor('budgets.name', 3, cursor)).toBeUndefined();
  });

  it('is refused when it is anything else', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (text) => {
        expect(decodeCursor('budgets.name', 1, text)).toBeUndefined();
      }),
    );
    const of = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    expect(decodeCursor('l', 1, of([2, 'l', 'a']))).toBeUndefined();
    expect(decodeCursor('l', 1, of([1, 'l', 7]))).toBeUndefined();
    expect(decodeCursor('l', 1, of({ length: 3 }))).toBeUndefined();
    expect(decodeCursor('l', 1, 'A'.repeat(1_025))).toBeUndefined();
  });
});
