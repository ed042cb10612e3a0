import { dateNumber, dateText, firstInstantOf, localDate, type LocalDate } from './time-zone.ts';

/** Calendar periods in an organization's business time zone. Weeks start on Monday; TOTAL never ends. */
export const PERIOD_KINDS = ['DAILY', 'WEEKLY', 'MONTHLY', 'QUARTERLY', 'YEARLY', 'TOTAL'] as const;

export type PeriodKind = (typeof PERIOD_KINDS)[number];

/** The instants [startMs, endMs), Unix milliseconds. */
export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

interface DatedSpan extends Span {
  /** `YYYY-MM-DD` of the first day. */
  readonly date: string;
}

const TOTAL: DatedSpan = { startMs: 0, endMs: 8.64e15, date: '1970-01-01' };

/** Recent answers of one zone and kind; requests ask for now, seeds and reports for a few neighbouring periods. */
const REMEMBERED = 4;
/** Time zone names come from a closed list, but their spelling does not; so the cache is emptied when it is full. */
const ZONES_MAX = 1024;
const zones = new Map<string, Map<PeriodKind, DatedSpan[]>>();

/**
 * `YYYY-MM-DD` of the business day that contains the instant.
 * @throws RangeError for an unknown time zone or an instant outside the years 1 to 9999.
 */
export function businessDate(atMs: number, timeZone: string): string {
  return spanOf('DAILY', atMs, timeZone).date;
}

/** The business day that contains the instant: 23 to 25 hours where clocks change. Throws as `businessDate` does. */
export function daySpan(atMs: number, timeZone: string): Span {
  return spanOf('DAILY', atMs, timeZone);
}

/** The calendar period that contains the instant. Throws as `businessDate` does. */
export function periodSpan(kind: PeriodKind, atMs: number, timeZone: string): Span {
  return spanOf(kind, atMs, timeZone);
}

function spanOf(kind: PeriodKind, atMs: number, timeZone: string): DatedSpan {
  if (kind === 'TOTAL') return TOTAL;
  const remembered = rememberedSpans(kind, timeZone);
  for (const span of remembered) {
    if (atMs >= span.startMs && atMs < span.endMs) return span;
  }
  const span = computeSpan(kind, atMs, timeZone);
  remembered.unshift(span);
  if (remembered.length > REMEMBERED) remembered.pop();
  return span;
}

function rememberedSpans(kind: PeriodKind, timeZone: string): DatedSpan[] {
  let kinds = zones.get(timeZone);
  if (!kinds) {
    if (zones.size >= ZONES_MAX) zones.clear();
    kinds = new Map();
    zones.set(timeZone, kinds);
  }
  let spans = kinds.get(kind);
  if (!spans) {
    spans = [];
    kinds.set(kind, spans);
  }
  return spans;
}

/**
 * A period begins at the first instant that carries its first date. Where a clock is set back across midnight, the
 * repeated hour carries the earlier date once more; it belongs to the later day nevertheless, so that every instant
 * is in exactly one period and the spans follow each other without gaps.
 */
function computeSpan(kind: Exclude<PeriodKind, 'TOTAL'>, atMs: number, timeZone: string): DatedSpan {
  let first = firstDate(kind, localDate(atMs, timeZone));
  let following = nextDate(kind, first);
  let endMs = firstInstantOf(following, timeZone);
  while (atMs >= endMs) {
    first = following;
    following = nextDate(kind, first);
    endMs = firstInstantOf(following, timeZone);
  }
  return { startMs: firstInstantOf(first, timeZone), endMs, date: dateText(first) };
}

function firstDate(kind: Exclude<PeriodKind, 'TOTAL'>, date: LocalDate): LocalDate {
  switch (kind) {
    case 'DAILY':
      return date;
    case 'WEEKLY': {
      // Day 0 of the Unix epoch was a Thursday, the fourth day of a week that starts on Monday.
      const sinceMonday = (((dateNumber(date) + 3) % 7) + 7) % 7;
      return { ...date, day: date.day - sinceMonday };
    }
    case 'MONTHLY':
      return { ...date, day: 1 };
    case 'QUARTERLY':
      return { ...date, month: date.month - ((date.month - 1) % 3), day: 1 };
    case 'YEARLY':
      return { ...date, month: 1, day: 1 };
  }
}

function nextDate(kind: Exclude<PeriodKind, 'TOTAL'>, first: LocalDate): LocalDate {
  switch (kind) {
    case 'DAILY':
      return { ...first, day: first.day + 1 };
    case 'WEEKLY':
      return { ...first, day: first.day + 7 };
    case 'MONTHLY':
      return { ...first, month: first.month + 1 };
    case 'QUARTERLY':
      return { ...first, month: first.month + 3 };
    case 'YEARLY':
      return { ...first, year: first.year + 1 };
  }
}
