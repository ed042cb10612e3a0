import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isWellFormedVirtualKey, newVirtualKey, visibleParts } from './virtual-key.ts';

describe('a virtual key', () => {
  it('has 51 characters, its prefix and a checksum that fits', () => {
    for (let count = 0; count < 200; count++) {
      const key = newVirtualKey();
      expect(key).toMatch(/^sk-Xvs[0-9A-Za-z]{45}$/);
      expect(isWellFormedVirtualKey(key)).toBe(true);
    }
  });

  it('keeps its checksum from release to release, or issued keys would stop working', () => {
    // Computed by another program: CRC-32 of the first 45 characters is 0x46ff42c5.
    expect(isWellFormedVirtualKey('sk-Xvs0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabc1IbsKz')).toBe(true);
  });

  it('is refused with any one character replaced, dropped or doubled, and with any two swapped', () => {
    const place = fc.nat({ max: 50 });
    const character = fc.constantFrom(...'0Aaz9Z_-é ');
    fc.assert(
      fc.property(
        fc.constant(undefined).map(newVirtualKey),
        place,
        place,
        character,
        (key, at, other, replacement) => {
          const characters = [...key];
          const replaced = characters.with(at, replacement).join('');
          expect(isWellFormedVirtualKey(replaced)).toBe(replaced === key);
          const swapped = characters.with(at, key.charAt(other)).with(other, key.charAt(at)).join('');
          expect(isWellFormedVirtualKey(swapped)).toBe(swapped === key);
          expect(isWellFormedVirtualKey(characters.toSpliced(at, 1).join(''))).toBe(false);
          expect(isWellFormedVirtualKey(characters.toSpliced(at, 0, key.charAt(at)).join(''))).toBe(false);
        },
      ),
    );
  });

  it('draws every character equally often', () => {
    const counts = new Map<string, number>();
    const keys = 4_000;
    for (let index = 0; index < keys; index++) {
      for (const character of newVirtualKey().slice(6, 45))
        counts.set(character, (counts.get(character) ?? 0) + 1);
    }
    const expected = (keys * 39) / 62;
    const chiSquare = [...counts.values()].reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0);
    expect(counts.size).toBe(62);
    // 61 degrees of freedom: beyond 150 once in a thousand million runs, while byte % 62 without rejection gives far more.
    expect(chiSquare).toBeLessThan(150);
  });

  it('shows its first nine and last four characters only', () => {
    const key = newVirtualKey();
    expect(visibleParts(key)).toEqual({ prefix: key.slice(0, 9), last4: key.slice(47) });
  });
});
