import type { AttemptClose, AttemptIntent, MeteringSource } from '@weir/contracts/attempt-record';
import { assertNever } from '@weir/kernel/assert-never';
import type { ErrorCode } from '@weir/kernel/errors';
import { nanoUsd } from '@weir/kernel/money';
import { costOf, type Price } from '@weir/kernel/pricing';
import { NO_USAGE } from '@weir/kernel/usage';
import type { Endpoint } from '../endpoints/endpoint.ts';
import type { AttemptEnd } from '../upstream/attempt.ts';
import { mayHaveComputed, statusOf, type Failure } from '../upstream/failure.ts';

/** What is needed to say what an attempt cost. */
export interface SettlementBasis {
  readonly intent: AttemptIntent;
  readonly price: Price | null;
  readonly ratesPpm: bigint;
  readonly latencyMs: number;
}

export type Consumption = Pick<AttemptClose, 'usage' | 'meteringSource'>;
type Outcome = Pick<
  AttemptClose,
  'status' | 'upstreamStatus' | 'errorCode' | 'disconnected' | 'timeToFirstByteMs'
>;

const NOTHING: Consumption = { usage: NO_USAGE, meteringSource: 'NONE' };

/** The ledger's close of an attempt. Written out, because spreading objects took longer than all the rest of it. */
export function settlementOf(
  end: AttemptEnd,
  { usage, meteringSource }: Consumption,
  { intent, price, ratesPpm, latencyMs }: SettlementBasis,
): AttemptClose {
  const isCharged = price && meteringSource !== 'NONE';
  const outcome = outcomeOf(end);
  return {
    kind: 'settled',
    attemptId: intent.attemptId,
    requestId: intent.requestId,
    attemptNumber: intent.attemptNumber,
    organizationId: intent.organizationId,
    accountPath: intent.accountPath,
    apiKeyId: intent.apiKeyId,
    modelRequested: intent.modelRequested,
    modelEffective: intent.modelEffective,
    provider: intent.provider,
    providerKeyId: intent.providerKeyId,
    decision: intent.decision,
    endpoint: intent.endpoint,
    stream: intent.stream,
    priceId: intent.priceId,
    admittedAtMs: intent.admittedAtMs,
    businessDate: intent.businessDate,
    usage,
    meteringSource,
    cost: isCharged ? costOf(usage, price, ratesPpm) : nanoUsd(0n),
    status: outcome.status,
    upstreamStatus: outcome.upstreamStatus,
    errorCode: outcome.errorCode,
    disconnected: outcome.disconnected,
    latencyMs: Math.round(latencyMs),
    timeToFirstByteMs: outcome.timeToFirstByteMs,
  };
}

/**
 * What an attempt is known to have consumed; null where that has to be estimated. Whoever got nothing pays nothing,
 * except where the provider was sent a request and never said what became of it: then it may have billed the input, and
 * an abort must not be a way to compute for free. What is free is not estimated.
 */
export function knownConsumption(end: AttemptEnd, { isFree }: Pick<Endpoint, 'isFree'>): Consumption | null {
  return reportedConsumption(end) ?? (isFree ? NOTHING : null);
}

function reportedConsumption(end: AttemptEnd): Consumption | null {
  switch (end.kind) {
    case 'failed':
      return mayHaveComputed(end.failure) ? null : NOTHING;
    case 'abandoned':
      return end.wasSent ? null : NOTHING;
    case 'forwarded': {
      const usage = end.relay.usage();
      if (usage) return { usage, meteringSource: sourceOf(end.drained) };
      return end.status >= 400 ? NOTHING : null;
    }
    default:
      return assertNever(end);
  }
}

function sourceOf(drained: boolean): MeteringSource {
  return drained ? 'DRAINED' : 'PROVIDER';
}

function outcomeOf(end: AttemptEnd): Outcome {
  switch (end.kind) {
    case 'failed':
      return { ...failureOutcome(end.failure), disconnected: false, timeToFirstByteMs: null };
    case 'abandoned': {
      const { ending } = end;
      return {
        status: ending.kind === 'stopped' ? statusOfStop(ending.error.code) : 'ABORTED',
        upstreamStatus: null,
        errorCode: ending.kind === 'stopped' ? ending.error.code : null,
        disconnected: ending.kind === 'client gone',
        timeToFirstByteMs: null,
      };
    }
    case 'forwarded': {
      const { status, errorCode } = forwardedOutcome(end);
      return {
        status,
        errorCode,
        upstreamStatus: end.status,
        disconnected: end.drained || end.end.kind === 'client gone',
        timeToFirstByteMs: end.firstByteMs === null ? null : Math.round(end.firstByteMs),
      };
    }
    default:
      return assertNever(end);
  }
}

function failureOutcome(failure: Failure): Pick<AttemptClose, 'status' | 'upstreamStatus' | 'errorCode'> {
  const upstreamStatus = statusOf(failure);
  switch (failure.kind) {
    case 'throttled':
    case 'quota':
      return { status: 'THROTTLED', upstreamStatus, errorCode: `PROVIDER_${failure.kind.toUpperCase()}` };
    case 'timeout':
      return { status: 'TIMEOUT', upstreamStatus, errorCode: 'UPSTREAM_TIMEOUT' };
    case 'refused':
    case 'forbidden':
    case 'unusable':
    case 'broken':
      return { status: 'ERROR', upstreamStatus, errorCode: `PROVIDER_${failure.kind.toUpperCase()}` };
    case 'unreachable':
      return { status: 'ERROR', upstreamStatus, errorCode: failure.errorCode };
  }
}

function forwardedOutcome(
  end: Extract<AttemptEnd, { kind: 'forwarded' }>,
): Pick<AttemptClose, 'status' | 'errorCode'> {
  const failure = end.relay.failure?.() ?? null;
  switch (end.end.kind) {
    case 'complete':
      if (end.drained) return { status: 'ABORTED', errorCode: null };
      if (failure !== null && end.status < 400) {
        return { status: 'INCOMPLETE', errorCode: `PROVIDER_${failure.toUpperCase()}` };
      }
      return end.status < 400
        ? { status: 'SUCCESS', errorCode: null }
        : { status: 'ERROR', errorCode: `PROVIDER_${end.status}` };
    case 'cut':
      return { status: 'INCOMPLETE', errorCode: 'UPSTREAM_ERROR' };
    case 'stalled':
      return { status: 'TIMEOUT', errorCode: 'UPSTREAM_TIMEOUT' };
    case 'stopped':
      return { status: statusOfStop(end.end.error.code), errorCode: end.end.error.code };
    case 'client gone':
      return { status: 'ABORTED', errorCode: null };
  }
}

function statusOfStop(code: ErrorCode): AttemptClose['status'] {
  return code === 'UPSTREAM_TIMEOUT' ? 'TIMEOUT' : 'ABORTED';
}
