import fc from 'fast-check';
import { expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import { freshnessStatus } from './freshness.ts';
import { bucketsOf } from './usage-range.ts';
import { reportOf, sumOf, totalTokens, type UsageRow } from './usage.ts';

const at = Date.UTC(2026, 10, 1);
const spans = bucketsOf(at, at + 5 * 3_600_000, 'HOUR', 'UTC');
if (!spans.ok) throw new Error(spans.error);
const keys = spans.value.map((span) => span.key);
const amount = fc.bigInt({ min: -1_000n, max: 9_007_199_254_740_991n });

const row: fc.Arbitrary<UsageRow> = fc.record({
  bucket: fc.constantFrom(...keys),
  model: fc.constantFrom('a', 'b', 'c'),
  requests: amount,
  errors: amount,
  input: amount,
  cachedInput: amount,
  cacheWrite: amount,
  output: amount,
  reasoning: amount,
  cost: amount,
});

it('says the same in its buckets, by model and in total', () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 40 }), (rows) => {
      const report = reportOf(newUuid(), 'HOUR', spans.value, rows);
      expect(report.buckets).toHaveLength(5);
      expect(sumOf(report.buckets)).toEqual(report.totals);
      expect(sumOf(report.byModel)).toEqual(report.totals);
      expect(totalTokens(report.totals)).toBe(
        report.buckets.reduce((sum, bucket) => sum + totalTokens(bucket), 0n),
      );
      report.byModel.forEach((entry, index) => {
        const next = report.byModel[index + 1];
        if (next) expect(entry.cost >= next.cost).toBe(true);
      });
    }),
  );
});

it('names a lag as the portal shows it', () => {
  expect([0, 299.9, 300, 599, 600].map(freshnessStatus)).toEqual([
    'FRESH',
    'FRESH',
    'STALE',
    'STALE',
    'DELAYED',
  ]);
});
