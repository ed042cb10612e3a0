import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAmount, parseLimit } from './budget-amount.ts';
import { checkSettings } from './budget-rules.ts';

describe('limits', () => {
  it('read back as they were written, for any amount a counter can hold', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 1n, max: 9_007_199_254_740_991n }),
        fc.constantFrom('COST', 'TOKENS', 'REQUESTS'),
        (limit, metric) => {
          expect(parseLimit(metric, formatAmount(metric, limit))).toEqual({ ok: true, value: limit });
        },
      ),
    );
  });

  it.each([
    ['COST', '0'],
    ['COST', '-1'],
    ['COST', '0.0000000001'],
    ['COST', '9007199.254740992'],
    ['TOKENS', '1.5'],
    ['REQUESTS', '9007199254740992'],
    ['TOKENS', '1e3'],
  ] as const)('refuse %s %s', (metric, text) => {
    expect(parseLimit(metric, text).ok).toBe(false);
  });
});

describe('settings', () => {
  it('answer every problem at once, each with its member', () => {
    const { problems } = checkSettings('COST', {
      name: ' ',
      limit: '0',
      thresholds: [80, 50],
      models: [''],
      graceMinutes: -1,
    });
    expect(problems.map(({ code, field }) => [code, field])).toEqual([
      ['INVALID_NAME', ['name']],
      ['INVALID_THRESHOLDS', ['thresholds']],
      ['INVALID_MODELS', ['models']],
      ['INVALID_GRACE', ['graceMinutes']],
      ['INVALID_LIMIT', ['limit']],
    ]);
  });

  it.each([[[0]], [[101]], [[50, 50]], [[50, 40]], [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]]])(
    'refuse thresholds %j',
    (thresholds) => {
      expect(checkSettings('COST', { thresholds }).problems).toMatchObject([{ code: 'INVALID_THRESHOLDS' }]);
    },
  );

  it('leave out what was left out, and keep a null that means every model', () => {
    expect(checkSettings('TOKENS', { name: ' Team ', models: null })).toEqual({
      problems: [],
      settings: { name: 'Team', models: null },
    });
  });
});
