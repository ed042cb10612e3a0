import { AppError } from '@weir/kernel/errors';
import { businessDate } from '@weir/kernel/period';

/** What `GET /v1/usage` is asked for. */
export interface UsageRange {
  /** Business dates, both included. */
  readonly startDate: string;
  readonly endDate: string;
  /** Any name of a model; null for all. */
  readonly model: string | null;
}

const DAYS_MAX = 366;
const DAY_MS = 86_400_000;

/**
 * The present month up to today unless told.
 * @throws AppError INVALID_REQUEST, naming the parameter.
 */
export function parseUsageQuery(query: URLSearchParams, nowMs: number, timeZone: string): UsageRange {
  const today = businessDate(nowMs, timeZone);
  const endDate = dateOf(query, 'end_date') ?? today;
  const startDate = dateOf(query, 'start_date') ?? `${endDate.slice(0, 8)}01`;
  const days = (Date.parse(endDate) - Date.parse(startDate)) / DAY_MS + 1;
  if (days < 1) throw invalid('start_date', `"start_date" is after the end date ${endDate}.`);
  if (days > DAYS_MAX) {
    throw invalid('start_date', `At most ${DAYS_MAX} days can be asked for; these are ${days}.`);
  }
  const model = query.get('model');
  return { startDate, endDate, model: model === '' ? null : model };
}

function dateOf(query: URLSearchParams, name: string): string | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const isDate = /^\d{4}-\d{2}-\d{2}$/.test(text);
  const atMs = isDate ? Date.parse(text) : Number.NaN;
  // 2026-02-30 reads as a day of March, so only what is written back the same is a date.
  if (Number.isNaN(atMs) || new Date(atMs).toISOString().slice(0, 10) !== text) {
    throw invalid(name, `"${name}" must be a date such as 2026-01-31.`);
  }
  return text;
}

function invalid(param: string, detail: string): AppError {
  return new AppError('INVALID_REQUEST', detail, { param });
}
