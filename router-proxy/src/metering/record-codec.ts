import { z } from 'zod';
import type {
  AttemptClose,
  AttemptDimensions,
  AttemptIntent,
  AttemptRecord,
} from '@weir/contracts/attempt-record';
import type { Uuid } from '@weir/kernel/ids';
import type { NanoUsd } from '@weir/kernel/money';
import { rememberShared } from './shared-text.ts';

/**
 * The compact text of an attempt record: a JSON array, led by the name of its version. It is what the journal, the
 * spill and the counter store's evidence hold, so a later release must still read what an earlier one wrote.
 */
const INTENT = 'intent.1';
const CLOSE = 'close.1';

const uuid = z.uuid().transform((text) => text as Uuid);
const nano = z
  .string()
  .regex(/^-?\d{1,19}$/)
  .transform((text) => BigInt(text) as NanoUsd);
const count = z.int().min(0);

const dimensions = [
  uuid, // attemptId
  uuid, // requestId
  count, // attemptNumber
  uuid, // organizationId
  z.array(uuid), // accountPath
  uuid, // apiKeyId
  z.string(), // modelRequested
  z.string(), // modelEffective
  z.string(), // provider
  uuid, // providerKeyId
  z.enum(['PRIMARY', 'FAILOVER', 'OVERRIDE']),
  z.string(), // endpoint
  z.boolean(), // stream
  z.string().nullable(), // priceId
  z.number(), // admittedAtMs
  z.iso.date(), // businessDate
] as const;

const intentSchema = z.tuple([
  z.literal(INTENT),
  z.tuple(dimensions),
  nano, // holdCost
  count, // holdTokens
  // What one output token adds to the hold and the cap it was computed for; absent when the hold is exact.
  z.tuple([count, nano, count]).nullable(),
]);

const closeSchema = z.tuple([
  z.literal(CLOSE),
  z.tuple(dimensions),
  z.enum(['settled', 'provisional', 'adjusted']),
  z.tuple([z.int(), z.int(), z.int(), z.int(), z.int(), z.int(), z.int()]),
  nano,
  z.enum(['PROVIDER', 'ESTIMATED', 'DRAINED', 'HOLD', 'NONE']),
  z.enum(['SUCCESS', 'ERROR', 'TIMEOUT', 'THROTTLED', 'ABORTED', 'INCOMPLETE', 'UNKNOWN']),
  z.int().nullable(),
  z.string().nullable(),
  z.boolean(),
  z.number(),
  z.number().nullable(),
]);

const anySchema = z.union([intentSchema, closeSchema]);

/** How the bound of an attempt depends on its output cap; the store may grant a lower cap than was asked. */
export interface OutputBound {
  /** The cap for which `holdCost` and `holdTokens` were computed. */
  readonly outputCap: number;
  readonly costPerOutputToken: bigint;
  readonly tokensPerOutputToken: number;
}

/**
 * The evidence of an attempt for `AdmitRequest.evidence`, composed before its admission. `admittedAtMs` and
 * `businessDate` are those of the instant for which the request was built: the store answers `stale` and has it built
 * anew when its own clock is outside that business day, so the date is right and the time is off by the clocks'
 * difference only.
 * @param bound Lets the sweeper charge the hold of the cap that was granted instead of the cap that was asked.
 */
export function encodeEvidence(intent: AttemptIntent, bound?: OutputBound): string {
  const scale = bound
    ? `[${bound.outputCap},"${bound.costPerOutputToken}",${bound.tokensPerOutputToken}]`
    : 'null';
  return `["${INTENT}",${dimensionsOf(intent)},"${intent.holdCost}",${intent.holdTokens},${scale}]`;
}

/**
 * @param grantedCap The output cap of the admission where the store tells it.
 * @returns Undefined when the text is not evidence of a version this release knows.
 */
export function decodeEvidence(text: string, grantedCap?: number | null): AttemptIntent | undefined {
  const parsed = intentSchema.safeParse(parseJson(text));
  if (!parsed.success) return undefined;
  const [, values, holdCost, holdTokens, scale] = parsed.data;
  const unused = scale && typeof grantedCap === 'number' ? Math.max(0, scale[0] - grantedCap) : 0;
  return {
    ...toDimensions(values),
    kind: 'intent',
    holdCost: scale ? ((holdCost - scale[1] * BigInt(unused)) as NanoUsd) : holdCost,
    holdTokens: scale ? holdTokens - scale[2] * unused : holdTokens,
  };
}

export function encodeRecord(record: AttemptRecord): string {
  return record.kind === 'intent' ? encodeEvidence(record) : encodeClose(record);
}

/** Undefined when the text is not a record of a version this release knows. */
export function decodeRecord(text: string): AttemptRecord | undefined {
  const parsed = anySchema.safeParse(parseJson(text));
  if (!parsed.success) return undefined;
  return parsed.data[0] === INTENT ? decodeEvidence(text) : toClose(parsed.data);
}

/** What an expired lease holds: the close of an attempt that ended, the intent of one that did not. */
export function decodeProof(text: string, grantedCap: number | null): AttemptRecord | undefined {
  return text.startsWith(`["${CLOSE}"`) ? decodeRecord(text) : decodeEvidence(text, grantedCap);
}

function encodeClose(close: AttemptClose): string {
  const { usage } = close;
  return (
    `["${CLOSE}",${dimensionsOf(close)},"${close.kind}",` +
    `[${usage.inputTokens},${usage.cachedInputTokens},${usage.cacheWriteTokens},${usage.outputTokens},` +
    `${usage.reasoningTokens},${usage.images},${usage.audioMs}],"${close.cost}","${close.meteringSource}",` +
    `"${close.status}",${close.upstreamStatus},${JSON.stringify(close.errorCode)},${close.disconnected},` +
    `${close.latencyMs},${close.timeToFirstByteMs}]`
  );
}

function toClose(values: z.output<typeof closeSchema>): AttemptClose {
  const [, fields, kind, usage, cost, meteringSource, status, upstreamStatus, errorCode, disconnected] =
    values;
  return {
    ...toDimensions(fields),
    kind,
    usage: {
      inputTokens: usage[0],
      cachedInputTokens: usage[1],
      cacheWriteTokens: usage[2],
      outputTokens: usage[3],
      reasoningTokens: usage[4],
      images: usage[5],
      audioMs: usage[6],
    },
    cost,
    meteringSource,
    status,
    upstreamStatus,
    errorCode,
    disconnected,
    latencyMs: values[10],
    timeToFirstByteMs: values[11],
  };
}

/** Put together by hand, which takes a third of the time; ids, numbers and names of ours need no escapes. */
function dimensionsOf(record: AttemptDimensions): string {
  return (
    `["${record.attemptId}","${record.requestId}",${record.attemptNumber},${sharedText(record)},` +
    `${record.admittedAtMs},"${record.businessDate}"]`
  );
}

const sharedText = rememberShared((shared) =>
  JSON.stringify([
    shared.organizationId,
    shared.accountPath,
    shared.apiKeyId,
    shared.modelRequested,
    shared.modelEffective,
    shared.provider,
    shared.providerKeyId,
    shared.decision,
    shared.endpoint,
    shared.stream,
    shared.priceId,
  ]).slice(1, -1),
);

function toDimensions(values: z.output<z.ZodTuple<typeof dimensions>>): AttemptDimensions {
  return {
    attemptId: values[0],
    requestId: values[1],
    attemptNumber: values[2],
    organizationId: values[3],
    accountPath: values[4],
    apiKeyId: values[5],
    modelRequested: values[6],
    modelEffective: values[7],
    provider: values[8],
    providerKeyId: values[9],
    decision: values[10],
    endpoint: values[11],
    stream: values[12],
    priceId: values[13],
    admittedAtMs: values[14],
    businessDate: values[15],
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
