import type { AttemptRecord } from '@weir/contracts/attempt-record';
import { uuidTimeMs } from '@weir/kernel/ids';
import { rememberShared } from './shared-text.ts';

/** What `ledger.append` takes: array literals of `ledger.attempt_shared` and `ledger.attempt_own`. */
interface RowParts {
  readonly shared: string;
  readonly own: string;
}

/** The place of a shared part in its batch, counted from 1, and the dates in it. */
interface Placed {
  readonly place: number;
  readonly day: string;
  readonly businessDate: string;
}

/**
 * Records as two Postgres array literals of composite types, so that what attempts have in common is sent and read once:
 * of the forms that allow ON CONFLICT (JSON, an array per column, split text) literals cost Postgres least per row when
 * measured.
 */
export function toRowParts(records: readonly AttemptRecord[]): RowParts {
  // By the remembered text, whose hash V8 keeps with it.
  const placed = new Map<string, Placed>();
  let places = 0;
  let shared = '';
  let own = '';
  for (const record of records) {
    const text = sharedText(record);
    const day = utcDay(uuidTimeMs(record.attemptId));
    const { businessDate } = record;
    let known = placed.get(text);
    if (known?.day !== day || known.businessDate !== businessDate) {
      known = { place: ++places, day, businessDate };
      placed.set(text, known);
      shared += `${shared === '' ? '' : ','}"(${day},${businessDate},${text})"`;
    }
    own += `${own === '' ? '' : ','}"(${known.place},${ownFields(record)})"`;
  }
  return { shared: `{${shared}}`, own: `{${own}}` };
}

/** In the order of the attributes of `ledger.attempt_shared`, without the dates that lead it; an absent value is empty. */
const sharedText = rememberShared(
  (shared) =>
    `${shared.organizationId},\\"{${shared.accountPath.join(',')}}\\",${shared.apiKeyId},` +
    `${quote(shared.modelRequested)},${quote(shared.modelEffective)},${quote(shared.provider)},` +
    `${shared.providerKeyId},${shared.decision},${quote(shared.endpoint)},${shared.stream ? 't' : 'f'},` +
    quote(shared.priceId),
);

/** In the order of the attributes of `ledger.attempt_own`, without the place that leads it. */
function ownFields(record: AttemptRecord): string {
  return (
    `${record.attemptId},${record.kind},${record.requestId},${record.attemptNumber},` +
    `${Math.floor(record.admittedAtMs)},` +
    (record.kind === 'intent'
      ? `${record.holdCost},${record.holdTokens},,,,,,,,,,,,,,,`
      : `,,${closeFields(record)}`)
  );
}

function closeFields(close: Exclude<AttemptRecord, { kind: 'intent' }>): string {
  const { usage } = close;
  return (
    `${usage.inputTokens},${usage.cachedInputTokens},${usage.cacheWriteTokens},${usage.outputTokens},` +
    `${usage.reasoningTokens},${usage.images},${usage.audioMs},${close.cost},${close.meteringSource},` +
    `${close.status},${close.upstreamStatus ?? ''},${quote(close.errorCode)},${close.disconnected ? 't' : 'f'},` +
    `${Math.round(close.latencyMs)},${close.timeToFirstByteMs === null ? '' : Math.round(close.timeToFirstByteMs)}`
  );
}

// eslint-disable-next-line no-control-regex -- Postgres text cannot hold NUL, so exactly that one is replaced.
const NUL = /\u0000/g;
const SPECIAL = /["\\]/g;
// eslint-disable-next-line no-control-regex -- what one of the above finds; names seldom have any.
const NEEDS_CARE = /["\\\u0000]/;

/** Quoted once for the record and once more for the array around it; free text may hold anything. */
function quote(text: string | null): string {
  if (text === null) return '';
  if (!NEEDS_CARE.test(text)) return `\\"${text}\\"`;
  return `\\"${text.replace(NUL, '\uFFFD').replace(SPECIAL, '\\\\\\$&')}\\"`;
}

const DAY_MS = 86_400_000;
let cachedDay = -1;
let cachedText = '';

/** The partition of a record: the UTC date of its attempt id, the same for all records of the attempt. */
export function utcDay(atMs: number): string {
  const day = Math.floor(atMs / DAY_MS);
  if (day !== cachedDay) {
    cachedDay = day;
    cachedText = new Date(day * DAY_MS).toISOString().slice(0, 10);
  }
  return cachedText;
}
