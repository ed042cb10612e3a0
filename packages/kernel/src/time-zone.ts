/** Time zone arithmetic on the engine's own tz database (Intl), exact to the second over gaps and overlaps. */

/** A calendar date; `month` and `day` may run over (month 13, day 0) and mean what they mean to `Date.UTC`. */
export interface LocalDate {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
}

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;
/** 0001-01-02 to 9999-12-30: inside it every zone's local year has at most four digits. */
const EARLIEST_MS = -62_135_510_400_000;
const LATEST_MS = 253_402_128_000_000;

const FORMATTERS_MAX = 1024;
const formatters = new Map<string, Intl.DateTimeFormat>();

/** Whether the engine knows the name, for example `Europe/Berlin` or `UTC`. */
export function isTimeZone(name: string): boolean {
  try {
    formatterOf(name);
    return true;
  } catch {
    return false;
  }
}

/** The calendar date that clocks in the zone show at the instant. */
export function localDate(atMs: number, timeZone: string): LocalDate {
  const shifted = new Date(atMs + offsetMs(atMs, timeZone));
  return { year: shifted.getUTCFullYear(), month: shifted.getUTCMonth() + 1, day: shifted.getUTCDate() };
}

/** Days since 1970-01-01. */
export function dateNumber(date: LocalDate): number {
  return utcMidnight(date) / DAY_MS;
}

/** `YYYY-MM-DD`. */
export function dateText(date: LocalDate): string {
  return new Date(utcMidnight(date)).toISOString().slice(0, 10);
}

/**
 * The first instant at which clocks in the zone show the date or a later one: midnight, or the end of the gap where
 * clocks skip midnight, or the first of two midnights.
 */
export function firstInstantOf(date: LocalDate, timeZone: string): number {
  const midnight = utcMidnight(date);
  const before = offsetMs(midnight - DAY_MS, timeZone);
  const after = offsetMs(midnight + DAY_MS, timeZone);
  const candidates = before >= after ? [before, after] : [after, before];
  for (const offset of candidates) {
    if (offsetMs(midnight - offset, timeZone) === offset) return midnight - offset;
  }
  return transitionBetween(midnight - DAY_MS, midnight + DAY_MS, timeZone);
}

/** The instant in (fromMs, toMs] at which the zone's offset changes, found by halving. */
function transitionBetween(fromMs: number, toMs: number, timeZone: string): number {
  const before = offsetMs(fromMs, timeZone);
  let low = fromMs / SECOND_MS;
  let high = toMs / SECOND_MS;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetMs(middle * SECOND_MS, timeZone) === before) low = middle;
    else high = middle;
  }
  return high * SECOND_MS;
}

function utcMidnight(date: LocalDate): number {
  // Date.UTC takes the years 0 to 99 for 1900 to 1999; setUTCFullYear does not.
  return new Date(0).setUTCFullYear(date.year, date.month - 1, date.day);
}

/** Local time minus UTC at the instant, in milliseconds. */
function offsetMs(atMs: number, timeZone: string): number {
  if (!(atMs >= EARLIEST_MS && atMs <= LATEST_MS)) throw new RangeError(`instant out of range: ${atMs}`);
  const wholeSecondMs = Math.floor(atMs / SECOND_MS) * SECOND_MS;
  const match = /^(\d+)\/(\d+)\/(\d+), (\d+):(\d+):(\d+)$/.exec(formatterOf(timeZone).format(wholeSecondMs));
  if (!match) throw new RangeError(`unexpected date format for time zone ${timeZone}`);
  const [, month, day, year, hour, minute, second] = match.map(Number);
  const midnight = utcMidnight({ year: year ?? 0, month: month ?? 1, day: day ?? 1 });
  return midnight + (((hour ?? 0) * 60 + (minute ?? 0)) * 60 + (second ?? 0)) * SECOND_MS - wholeSecondMs;
}

function formatterOf(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known) return known;
  const formatter = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  if (formatters.size >= FORMATTERS_MAX) formatters.clear();
  formatters.set(timeZone, formatter);
  return formatter;
}
