import { describe, expect, it } from 'vitest';
import { parseUsageQuery } from './usage-query.ts';

const NOW = Date.UTC(2026, 2, 1, 3);
const parse = (query: string, timeZone = 'UTC') => parseUsageQuery(new URLSearchParams(query), NOW, timeZone);

describe('the range of a usage report', () => {
  it('is the present business month up to today unless told', () => {
    expect(parse('')).toEqual({ startDate: '2026-03-01', endDate: '2026-03-01', model: null });
    expect(parse('', 'America/New_York')).toMatchObject({ startDate: '2026-02-01', endDate: '2026-02-28' });
    expect(parse('end_date=2025-11-20&model=gpt-4o')).toEqual({
      startDate: '2025-11-01',
      endDate: '2025-11-20',
      model: 'gpt-4o',
    });
  });

  it('has at most 366 days, both ends included', () => {
    expect(parse('start_date=2024-01-01&end_date=2024-12-31').startDate).toBe('2024-01-01');
    expect(() => parse('start_date=2024-01-01&end_date=2025-01-01')).toThrow('At most 366 days');
    expect(parse('start_date=2026-01-31&end_date=2026-01-31').endDate).toBe('2026-01-31');
  });

  it.each([
    ['start_date=2026-02-30', 'start_date'],
    ['end_date=yesterday', 'end_date'],
    ['start_date=2026-1-1', 'start_date'],
    ['start_date=2026-03-02&end_date=2026-03-01', 'start_date'],
  ])('is refused when it is none: %s', (query, param) => {
    expect(() => parse(query)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', param }) as Error);
  });
});
