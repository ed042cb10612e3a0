import fc from 'fast-check';
import { expect, it } from 'vitest';
import { bucketsOf, MAX_POINTS } from './usage-range.ts';

const start = fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2030, 0, 1) });
const zone = fc.constantFrom(
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Asia/Kathmandu',
  'Pacific/Auckland',
);

it('covers the range without gaps or overlaps, and each point by its own name', () => {
  fc.assert(
    fc.property(
      start,
      fc.integer({ min: 1, max: 20 * 86_400_000 }),
      fc.constantFrom('HOUR', 'DAY'),
      zone,
      (startMs, lengthMs, granularity, timeZone) => {
        const result = bucketsOf(startMs, startMs + lengthMs, granularity, timeZone);
        if (!result.ok) throw new Error(result.error);
        const buckets = result.value;
        const [first, last] = [buckets[0], buckets.at(-1)];
        expect(first && first.startMs <= startMs && startMs < first.endMs).toBe(true);
        expect(last && last.startMs < startMs + lengthMs && startMs + lengthMs <= last.endMs).toBe(true);
        buckets.forEach((bucket, index) => {
          if (index > 0) expect(bucket.startMs).toBe(buckets[index - 1]?.endMs);
        });
        expect(new Set(buckets.map((bucket) => bucket.key)).size).toBe(buckets.length);
      },
    ),
  );
});

it.each([
  ['HOUR', 744],
  ['DAY', 400],
] as const)('answers at most %s × %i and names the bound beyond it', (granularity, most) => {
  expect(MAX_POINTS[granularity]).toBe(most);
  const unit = granularity === 'HOUR' ? 3_600_000 : 86_400_000;
  const at = Date.UTC(2026, 0, 1);
  expect(bucketsOf(at, at + most * unit, granularity, 'UTC')).toMatchObject({ ok: true });
  for (const units of [most + 1, most * 1_000]) {
    const refused = bucketsOf(at, at + units * unit, granularity, 'UTC');
    expect(refused).toMatchObject({ ok: false, error: expect.stringContaining(String(most)) as string });
  }
});

it('refuses a range that ends before it begins, or at once', () => {
  expect(bucketsOf(5, 5, 'HOUR', 'UTC').ok).toBe(false);
  expect(bucketsOf(5, 4, 'DAY', 'UTC').ok).toBe(false);
});
