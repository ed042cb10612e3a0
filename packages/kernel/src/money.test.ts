import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ceilDiv, formatUsd, NANO_PER_USD, parseUsd } from './money.ts';

const amounts = fc.bigInt({ min: -(10n ** 26n), max: 10n ** 26n });

describe('decimal strings', () => {
  it('come back as the amount they were written for', () => {
    fc.assert(
      fc.property(amounts, (amount) => {
        expect(parseUsd(formatUsd(amount))).toBe(amount);
      }),
    );
  });

  it.each([
    [0n, '0'],
    [1n, '0.000000001'],
    [-1n, '-0.000000001'],
    [1_234_500_000n, '1.2345'],
    [NANO_PER_USD * 12n, '12'],
    [-3_250_000_000n, '-3.25'],
  ])('write %s as %s', (amount, text) => {
    expect(formatUsd(amount)).toBe(text);
  });

  it.each(['', '.5', '5.', '1e3', '0x10', '1.0000000001', '1,5', ' 1', '+1', '--1', 'NaN', '1'.repeat(19)])(
    'refuse %j',
    (text) => {
      expect(parseUsd(text)).toBeUndefined();
    },
  );
});

describe('ceilDiv', () => {
  it('is the smallest integer that is not below the quotient', () => {
    fc.assert(
      fc.property(amounts, fc.bigInt({ min: 1n, max: 10n ** 18n }), (dividend, divisor) => {
        const quotient = ceilDiv(dividend, divisor);
        expect(quotient * divisor >= dividend).toBe(true);
        expect((quotient - 1n) * divisor < dividend).toBe(true);
      }),
    );
  });

  it('refuses a divisor that is not positive', () => {
    expect(() => ceilDiv(1n, 0n)).toThrow(RangeError);
    expect(() => ceilDiv(1n, -1n)).toThrow(RangeError);
  });
});
