import { businessDate, daySpan } from '@weir/kernel/period';
import { err, ok, type Result } from '@weir/kernel/result';

export type Granularity = 'HOUR' | 'DAY';

/** One point of a series. */
export interface BucketSpan {
  /** Of an hour its first instant in Unix milliseconds, of a day its business date. */
  readonly key: string;
  readonly startMs: number;
  readonly endMs: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** A month of hours, a year and some of days: what a chart can show and a query can sum in milliseconds. */
export const MAX_POINTS: Readonly<Record<Granularity, number>> = { HOUR: 744, DAY: 400 };

function hours(startMs: number, endMs: number): BucketSpan[] {
  const spans: BucketSpan[] = [];
  for (let atMs = Math.floor(startMs / HOUR_MS) * HOUR_MS; atMs < endMs; atMs += HOUR_MS) {
    spans.push({ key: String(atMs), startMs: atMs, endMs: atMs + HOUR_MS });
  }
  return spans;
}

function days(startMs: number, endMs: number, timeZone: string): BucketSpan[] {
  const spans: BucketSpan[] = [];
  for (let span = daySpan(startMs, timeZone); ; span = daySpan(span.endMs, timeZone)) {
    spans.push({ key: businessDate(span.startMs, timeZone), ...span });
    if (span.endMs >= endMs) return spans;
  }
}

/**
 * Every hour or business day that overlaps [startMs, endMs), in order and without gaps; or a sentence that says what is
 * wrong with the range.
 */
export function bucketsOf(
  startMs: number,
  endMs: number,
  granularity: Granularity,
  timeZone: string,
): Result<readonly BucketSpan[], string> {
  if (endMs <= startMs) return err('The end of the range must be after its start.');
  const most = MAX_POINTS[granularity];
  const unit = granularity === 'HOUR' ? 'hours' : 'days';
  const tooMany = `The range holds more than ${most} ${unit}; ask for at most ${most}${granularity === 'HOUR' ? ', or by DAY' : ''}.`;
  // Also keeps a range of a thousand years from being walked before it is refused.
  if ((endMs - startMs) / (granularity === 'HOUR' ? HOUR_MS : DAY_MS) > most + 1) return err(tooMany);
  const buckets = granularity === 'HOUR' ? hours(startMs, endMs) : days(startMs, endMs, timeZone);
  return buckets.length > most ? err(tooMany) : ok(buckets);
}
