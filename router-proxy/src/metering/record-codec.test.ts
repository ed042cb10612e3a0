import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nanoUsd } from '@weir/kernel/money';
import { decodeEvidence, decodeRecord, encodeEvidence, encodeRecord } from './record-codec.ts';
import { aClose, anIntent, anOwner, closes, intents } from './test-attempts.ts';

describe('the text of a record', () => {
  it('holds everything of an intent or a close, on one line', () => {
    fc.assert(
      fc.property(fc.oneof(intents, closes), (record) => {
        const text = encodeRecord(record);
        expect(decodeRecord(text)).toEqual(record);
        expect(text).not.toContain('\n');
      }),
    );
  });

  it('of an unknown version, or of anything else, is not read as a record', () => {
    const text = encodeRecord(aClose(anIntent(anOwner())));
    for (const wrong of [
      '',
      '{}',
      'close',
      '["close.2"]',
      text.slice(0, -1),
      text.replace('settled', 'sold'),
    ]) {
      expect(decodeRecord(wrong)).toBeUndefined();
    }
  });
});

describe('evidence', () => {
  const intent = anIntent(anOwner(), { holdCost: nanoUsd(1_000n + 7n * 300n), holdTokens: 40 + 2 * 300 });
  const evidence = encodeEvidence(intent, {
    outputCap: 300,
    costPerOutputToken: 7n,
    tokensPerOutputToken: 2,
  });

  it('charges the hold of the cap that was granted, not of the one that was asked', () => {
    expect(decodeEvidence(evidence, 100)).toEqual({ ...intent, holdCost: 1_700n, holdTokens: 240 });
  });

  it('charges the whole bound where the granted cap is unknown or not lower', () => {
    for (const cap of [undefined, null, 300, 301]) expect(decodeEvidence(evidence, cap)).toEqual(intent);
  });
});
