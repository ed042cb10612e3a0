import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alertsDue, percentUsed, remainingOf, statusOf, thresholdsReached } from './budget.ts';

const amount = fc.bigInt({ min: 0n, max: 9_007_199_254_740_991n });
const limit = fc.bigInt({ min: 1n, max: 9_007_199_254_740_991n });
const thresholds = fc
  .uniqueArray(fc.integer({ min: 1, max: 100 }), { maxLength: 10 })
  .map((values) => values.toSorted((a, b) => a - b));

describe('thresholds', () => {
  it('are reached exactly at their share of the limit and not one unit earlier', () => {
    expect(thresholdsReached(499n, 1000n, [50, 80, 100])).toEqual([]);
    expect(thresholdsReached(500n, 1000n, [50, 80, 100])).toEqual([50]);
    expect(thresholdsReached(999n, 1000n, [50, 80, 100])).toEqual([50, 80]);
    expect(thresholdsReached(1000n, 1000n, [50, 80, 100])).toEqual([50, 80, 100]);
  });

  it('are each reported once, however spend grows in steps', () => {
    fc.assert(
      fc.property(limit, thresholds, fc.array(amount, { maxLength: 20 }), (max, levels, steps) => {
        const raised = new Set<number>();
        const reports: number[] = [];
        let spent = 0n;
        for (const step of steps) {
          spent += step;
          const due = alertsDue(spent, { limit: max, thresholds: levels }, raised);
          reports.push(...due);
          for (const threshold of due) raised.add(threshold);
        }
        expect(reports).toEqual(thresholdsReached(spent, max, levels));
      }),
    );
  });

  it('are not reported again after a correction took spend below them and back', () => {
    const budget = { limit: 100n, thresholds: [50, 100] };
    expect(alertsDue(60n, budget, new Set())).toEqual([50]);
    expect(alertsDue(40n, budget, new Set([50]))).toEqual([]);
    expect(alertsDue(100n, budget, new Set([50]))).toEqual([100]);
  });
});

describe('standing', () => {
  it('is EXCEEDED if and only if nothing remains', () => {
    fc.assert(
      fc.property(amount, limit, thresholds, (spent, max, levels) => {
        const exceeded = statusOf(spent, { limit: max, thresholds: levels }) === 'EXCEEDED';
        expect(exceeded).toBe(remainingOf(spent, max) === 0n);
        expect(exceeded).toBe(percentUsed(spent, max) >= 100);
      }),
    );
  });

  it('warns from the lowest threshold on', () => {
    const budget = { limit: 1000n, thresholds: [80] };
    expect(statusOf(799n, budget)).toBe('OK');
    expect(statusOf(800n, budget)).toBe('WARN');
    expect(percentUsed(7999n, 10_000n)).toBe(79.99);
  });
});
