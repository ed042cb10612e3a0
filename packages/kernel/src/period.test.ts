import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { businessDate, daySpan, PERIOD_KINDS, periodSpan } from './period.ts';
import { isTimeZone } from './time-zone.ts';

const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/Sao_Paulo',
  'America/Havana',
  'America/St_Johns',
  'America/Nuuk',
  'Africa/Cairo',
  'Africa/Casablanca',
  'Asia/Beirut',
  'Asia/Kathmandu',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Pacific/Chatham',
  'Pacific/Kiritimati',
  'Pacific/Marquesas',
];
const zones = fc.constantFrom(...ZONES);
const instants = fc.integer({ min: 0, max: Date.UTC(2100, 0, 1) });
const at = (text: string): number => Date.parse(text);
const HOUR = 3_600_000;

describe('every period', () => {
  it('contains the instant it was asked for, and its neighbours touch it without gap or overlap', () => {
    fc.assert(
      fc.property(instants, zones, fc.constantFrom(...PERIOD_KINDS), (instant, zone, kind) => {
        const span = periodSpan(kind, instant, zone);
        expect(span.startMs).toBeLessThanOrEqual(instant);
        expect(span.endMs).toBeGreaterThan(instant);
        if (kind === 'TOTAL') return;
        expect(periodSpan(kind, span.startMs, zone)).toEqual(span);
        expect(periodSpan(kind, span.endMs - 1, zone)).toEqual(span);
        expect(periodSpan(kind, span.endMs, zone).startMs).toBe(span.endMs);
        expect(periodSpan(kind, span.startMs - 1, zone).endMs).toBe(span.startMs);
      }),
      { numRuns: 400 },
    );
  });

  it('consists of whole business days', () => {
    fc.assert(
      fc.property(instants, zones, fc.constantFrom(...PERIOD_KINDS), (instant, zone, kind) => {
        fc.pre(kind !== 'TOTAL');
        const span = periodSpan(kind, instant, zone);
        expect(daySpan(span.startMs, zone).startMs).toBe(span.startMs);
        expect(daySpan(span.endMs - 1, zone).endMs).toBe(span.endMs);
      }),
    );
  });

  it('starts at local midnight wherever clocks are not changed nearby', () => {
    expect(periodSpan('DAILY', at('2026-03-10T20:00:00Z'), 'Asia/Kathmandu')).toEqual({
      startMs: at('2026-03-11T00:00:00+05:45'),
      endMs: at('2026-03-12T00:00:00+05:45'),
      date: '2026-03-11',
    });
  });
});

describe('businessDate', () => {
  it('is constant within a day and grows from day to day', () => {
    fc.assert(
      fc.property(instants, zones, (instant, zone) => {
        const { startMs, endMs } = daySpan(instant, zone);
        const date = businessDate(instant, zone);
        expect(businessDate(startMs, zone)).toBe(date);
        expect(businessDate(endMs - 1, zone)).toBe(date);
        expect(businessDate(endMs, zone) > date).toBe(true);
      }),
    );
  });

  it('is the date on the wall, except in the hour repeated across midnight', () => {
    fc.assert(
      fc.property(instants, zones, (instant, zone) => {
        fc.pre(zone !== 'America/St_Johns');
        const onTheWall = new Intl.DateTimeFormat('sv-SE', { timeZone: zone }).format(instant);
        expect(businessDate(instant, zone)).toBe(onTheWall);
      }),
    );
  });
});

describe('days on which clocks change', () => {
  it('have 23 hours in spring and 25 in autumn', () => {
    const spring = daySpan(at('2026-03-29T12:00:00Z'), 'Europe/Berlin');
    const autumn = daySpan(at('2026-10-25T12:00:00Z'), 'Europe/Berlin');
    expect(spring.endMs - spring.startMs).toBe(23 * HOUR);
    expect(autumn.endMs - autumn.startMs).toBe(25 * HOUR);
  });

  it('start at one o’clock where clocks skip midnight', () => {
    const span = daySpan(at('2018-11-04T12:00:00Z'), 'America/Sao_Paulo');
    expect(span).toMatchObject({ startMs: at('2018-11-04T03:00:00Z'), endMs: at('2018-11-05T02:00:00Z') });
  });

  it('start at the first of two midnights', () => {
    const span = daySpan(at('2026-11-01T12:00:00Z'), 'America/Havana');
    expect(span).toMatchObject({
      startMs: at('2026-11-01T00:00:00-04:00'),
      endMs: at('2026-11-02T00:00:00-05:00'),
    });
  });

  it('keep the hour that repeats the evening before, where clocks go back over midnight', () => {
    // Newfoundland, 2010-11-07 00:01 went back to 23:01 of the 6th.
    const span = daySpan(at('2010-11-07T02:45:00Z'), 'America/St_Johns');
    expect(span).toMatchObject({ startMs: at('2010-11-07T02:30:00Z'), endMs: at('2010-11-08T03:30:00Z') });
    expect(businessDate(at('2010-11-07T02:45:00Z'), 'America/St_Johns')).toBe('2010-11-07');
  });

  it('leave out a date that a country skipped', () => {
    const zone = 'Pacific/Apia';
    const last = daySpan(at('2011-12-29T20:00:00Z'), zone);
    expect(businessDate(last.startMs, zone)).toBe('2011-12-29');
    expect(businessDate(last.endMs, zone)).toBe('2011-12-31');
  });

  it('may be half an hour longer', () => {
    const span = daySpan(at('2026-04-04T20:00:00Z'), 'Australia/Lord_Howe');
    expect(span.endMs - span.startMs).toBe(24.5 * HOUR);
  });
});

describe('periodSpan', () => {
  it.each([
    ['WEEKLY', '2026-08-02T23:59:59.999Z', '2026-07-27', '2026-08-03'],
    ['WEEKLY', '2026-08-03T00:00:00.000Z', '2026-08-03', '2026-08-10'],
    ['MONTHLY', '2024-02-29T12:00:00Z', '2024-02-01', '2024-03-01'],
    ['MONTHLY', '2026-12-31T23:00:00Z', '2026-12-01', '2027-01-01'],
    ['QUARTERLY', '2026-06-30T23:59:59Z', '2026-04-01', '2026-07-01'],
    ['QUARTERLY', '2026-10-01T00:00:00Z', '2026-10-01', '2027-01-01'],
    ['YEARLY', '2026-01-01T00:00:00Z', '2026-01-01', '2027-01-01'],
  ] as const)('%s around %s runs from %s to %s', (kind, instant, start, end) => {
    expect(periodSpan(kind, at(instant), 'UTC')).toMatchObject({ startMs: at(start), endMs: at(end) });
  });

  it('begins a month at the organization’s midnight, not at that of UTC', () => {
    expect(periodSpan('MONTHLY', at('2026-03-31T16:00:00Z'), 'Asia/Shanghai').startMs).toBe(
      at('2026-04-01T00:00:00+08:00'),
    );
  });

  it('TOTAL never ends', () => {
    expect(periodSpan('TOTAL', 42, 'UTC')).toMatchObject({ startMs: 0, endMs: 8.64e15 });
  });

  it('answers the same however many other periods were asked for in between', () => {
    const before = periodSpan('MONTHLY', at('2026-05-05T00:00:00Z'), 'Europe/Berlin');
    for (let month = 0; month < 24; month++)
      periodSpan('MONTHLY', Date.UTC(2020, month, 15), 'Europe/Berlin');
    expect(periodSpan('MONTHLY', at('2026-05-05T00:00:00Z'), 'Europe/Berlin')).toEqual(before);
  });

  it('refuses an unknown time zone and an instant that is none', () => {
    expect(() => daySpan(0, 'Mars/Olympus')).toThrow(RangeError);
    expect(() => daySpan(Number.NaN, 'UTC')).toThrow(RangeError);
    expect(() => daySpan(9e15, 'UTC')).toThrow(RangeError);
  });
});

it('isTimeZone knows the names of the tz database', () => {
  expect(ZONES.every(isTimeZone)).toBe(true);
  expect(isTimeZone('Mars/Olympus')).toBe(false);
  expect(isTimeZone('')).toBe(false);
});
