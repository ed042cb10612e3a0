import type { AttemptRecord } from '@weir/contracts/attempt-record';
import { uuidTimeMs } from '@weir/kernel/ids';
import { rememberShared } from './shared-text.ts';

/**
 * Records as one Postgres array literal of the composite type `ledger.attempt_row`: one parameter, and of the forms that
 * allow ON CONFLICT (JSON, an array per column, split text) the one that cost Postgres least per row when measured.
 */
export function toRowArray(records: readonly AttemptRecord[]): string {
  let rows = '';
  for (const record of records) rows += `${rows === '' ? '' : ','}"(${fieldsOf(record)})"`;
  return `{${rows}}`;
}

/** In the order of the attributes of `ledger.attempt_row`; an absent value is empty. */
function fieldsOf(record: AttemptRecord): string {
  const isIntent = record.kind === 'intent';
  return (
    `${utcDay(uuidTimeMs(record.attemptId))},${record.attemptId},${record.kind},${record.requestId},` +
    `${record.attemptNumber},${sharedText(record)},${Math.floor(record.admittedAtMs)},${record.businessDate},` +
    (isIntent ? `${record.holdCost},${record.holdTokens},,,,,,,,,,,,,,,` : `,,${closeFields(record)}`)
  );
}

const sharedText = rememberShared(
  (shared) =>
    `${shared.organizationId},\\"{${shared.accountPath.join(',')}}\\",${shared.apiKeyId},` +
    `${quote(shared.modelRequested)},${quote(shared.modelEffective)},${quote(shared.provider)},` +
    `${shared.providerKeyId},${shared.decision},${quote(shared.endpoint)},${shared.stream ? 't' : 'f'},` +
    quote(shared.priceId),
);

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
