import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTextSample } from './text-sample.ts';

function add(sample: ReturnType<typeof createTextSample>, escaped: string): void {
  const data = Buffer.from(`"${escaped}"`);
  sample.add(data, 1, data.length - 1);
}

describe('a text sample', () => {
  it('joins the pieces of a text as JSON understands them', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 20 }), { maxLength: 20 }), (pieces) => {
        const sample = createTextSample();
        for (const piece of pieces) add(sample, JSON.stringify(piece).slice(1, -1));
        expect(sample.read()).toEqual({ text: pieces.join(''), scale: 1 });
      }),
    );
  });

  it('joins a character whose halves come apart', () => {
    const sample = createTextSample();
    add(sample, '\\ud83c');
    add(sample, '\\udf0a');
    expect(sample.read().text).toBe('🌊');
  });

  it('keeps the beginning of a long text and tells how much it stands for', () => {
    const sample = createTextSample();
    for (let count = 0; count < 100; count++) add(sample, 'x'.repeat(1_000));
    const { text, scale } = sample.read();
    expect(text.length).toBeLessThanOrEqual(16_384);
    expect(Math.round(text.length * scale)).toBe(100_000);
  });

  it('survives being cut within an escape sequence', () => {
    const sample = createTextSample();
    add(sample, `${'x'.repeat(16_381)}\\u00e9`);
    expect(sample.read().text).toBe('x'.repeat(16_381));
  });
});
