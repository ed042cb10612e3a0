import type { Uuid } from '@weir/kernel/ids';
import type { NanoUsd } from '@weir/kernel/money';
import type { Usage } from '@weir/kernel/usage';

/**
 * The rows of `ledger.attempt_log`. An attempt is one request sent to one provider with one provider key. It has one
 * intent and one close: `settled` (known or estimated usage) or `provisional` (written by the sweeper after a crash).
 * Before it is sent, the counter store or a journal has proof of it; the close of an attempt that ends soon takes the
 * place of an intent that was not written yet. A settlement that arrives after a provisional close becomes one `adjusted`
 * row that carries the difference. Summing every row of an attempt that is not an intent gives what it cost.
 */
export interface AttemptDimensions {
  readonly attemptId: Uuid;
  readonly requestId: Uuid;
  /** 1 for the first attempt of a request. */
  readonly attemptNumber: number;
  readonly organizationId: Uuid;
  /** Root to leaf; the last one owns the key. */
  readonly accountPath: readonly Uuid[];
  readonly apiKeyId: Uuid;
  readonly modelRequested: string;
  readonly modelEffective: string;
  readonly provider: string;
  readonly providerKeyId: Uuid;
  readonly decision: 'PRIMARY' | 'FAILOVER' | 'OVERRIDE';
  /** The path that was called, for example `/v1/chat/completions`. */
  readonly endpoint: string;
  readonly stream: boolean;
  readonly priceId: string | null;
  /** When it was admitted: Unix milliseconds by the counter store's clock. */
  readonly admittedAtMs: number;
  /** `YYYY-MM-DD` of the admission in the organization's time zone; days, budgets and rollups use it. */
  readonly businessDate: string;
}

export interface AttemptIntent extends AttemptDimensions {
  readonly kind: 'intent';
  /** Upper bounds of what the attempt may cost; a sweeper charges them when nothing better is known. */
  readonly holdCost: NanoUsd;
  readonly holdTokens: number;
}

export type MeteringSource = 'PROVIDER' | 'ESTIMATED' | 'DRAINED' | 'HOLD' | 'NONE';

export interface AttemptClose extends AttemptDimensions {
  readonly kind: 'settled' | 'provisional' | 'adjusted';
  readonly usage: Usage;
  /** Signed only for `adjusted`. */
  readonly cost: NanoUsd;
  readonly meteringSource: MeteringSource;
  readonly status: 'SUCCESS' | 'ERROR' | 'TIMEOUT' | 'THROTTLED' | 'ABORTED' | 'INCOMPLETE' | 'UNKNOWN';
  /** The provider's HTTP status; null when no answer came. */
  readonly upstreamStatus: number | null;
  readonly errorCode: string | null;
  readonly disconnected: boolean;
  readonly latencyMs: number;
  readonly timeToFirstByteMs: number | null;
}

export type AttemptRecord = AttemptIntent | AttemptClose;
