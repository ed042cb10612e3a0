import fc from 'fast-check';
import { expect, it } from 'vitest';
import { businessDate, PERIOD_KINDS, periodSpan } from '@weir/kernel/period';
import { periodDates } from './budget-period.ts';

const instant = fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2100, 0, 1) });
const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Pacific/Auckland');
const kind = fc.constantFrom(...PERIOD_KINDS);

it('names the same dates as the instants of the period in the business time zone', () => {
  fc.assert(
    fc.property(instant, zone, kind, (atMs, timeZone, periodKind) => {
      const dates = periodDates(periodKind, businessDate(atMs, timeZone));
      if (periodKind === 'TOTAL') return;
      const span = periodSpan(periodKind, atMs, timeZone);
      expect(dates.first).toBe(businessDate(span.startMs, timeZone));
      expect(dates.end).toBe(businessDate(span.endMs, timeZone));
    }),
  );
});

it('puts every date of a period into that period', () => {
  fc.assert(
    fc.property(instant, kind, (atMs, periodKind) => {
      const date = new Date(atMs).toISOString().slice(0, 10);
      const range = periodDates(periodKind, date);
      expect(range.first <= date && date < range.end).toBe(true);
      const lastDay = new Date(Date.parse(range.end) - 86_400_000).toISOString().slice(0, 10);
      expect(periodDates(periodKind, lastDay).first).toBe(range.first);
    }),
  );
});

it('keeps one period for a budget over everything', () => {
  expect(periodDates('TOTAL', '2026-11-21')).toEqual({ first: '1970-01-01', end: '9999-12-31' });
});
