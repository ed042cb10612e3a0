import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameLine, unframeLines } from './framed-lines.ts';

const texts = fc.array(fc.json());

describe('framed lines', () => {
  it('come back as they were written', () => {
    fc.assert(
      fc.property(texts, (given) => {
        expect(unframeLines(given.map(frameLine).join(''))).toEqual({ texts: given, damaged: [], torn: '' });
      }),
    );
  });

  it('lose only the last line when an append was interrupted anywhere', () => {
    fc.assert(
      fc.property(fc.array(fc.json(), { minLength: 1 }), fc.nat(), (given, seed) => {
        const whole = given.slice(0, -1).map(frameLine).join('');
        const last = Buffer.from(frameLine(given.at(-1) ?? ''));
        const cut = last.subarray(0, seed % last.length).toString('utf8');
        const { texts: read, damaged, torn } = unframeLines(whole + cut);
        expect(read).toEqual(given.slice(0, -1));
        expect(damaged).toEqual([]);
        expect(torn === '').toBe(cut === '');
      }),
    );
  });

  it('tell a damaged line from the others', () => {
    const content = frameLine('["a"]') + frameLine('["b"]').replace('b', 'c') + frameLine('["d"]');
    const { texts: read, damaged } = unframeLines(content);
    expect(read).toEqual(['["a"]', '["d"]']);
    expect(damaged).toHaveLength(1);
  });
});
