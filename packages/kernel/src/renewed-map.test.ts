import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RenewedMap } from './renewed-map.ts';

const moves = fc.array(fc.record({ key: fc.nat(40), isSet: fc.boolean() }), {
  minLength: 2_000,
  maxLength: 4_000,
  size: 'max',
});

describe('a renewed map', () => {
  it('holds what a Map would hold, in the same order, however much has come and gone', () => {
    fc.assert(
      fc.property(moves, (all) => {
        const renewed = new RenewedMap<number, number>();
        const map = new Map<number, number>();
        for (const [at, { key, isSet }] of all.entries()) {
          if (isSet) {
            renewed.set(key, at);
            map.set(key, at);
          } else expect(renewed.delete(key)).toBe(map.delete(key));
          expect([renewed.size, renewed.get(key), renewed.has(key)]).toEqual([
            map.size,
            map.get(key),
            map.has(key),
          ]);
        }
        expect([...renewed]).toEqual([...map]);
        expect([...renewed.values()]).toEqual([...map.values()]);
      }),
      { numRuns: 20 },
    );
  });
});
