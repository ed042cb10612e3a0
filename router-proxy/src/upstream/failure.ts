import { AppError } from '@weir/kernel/errors';
import { OutboundAddressError } from '@weir/service/outbound-guard';
import { retryAfterMs } from './retry-after.ts';
import type { ProviderHeaders } from '../http/response-headers.ts';

/** Why a provider did not answer a request, by what follows from it. */
export type Failure =
  /** 429: the key has to wait. */
  | { readonly kind: 'throttled'; readonly status: number; readonly retryAfterMs: number | null }
  /** 402, or another status because nothing is left to spend. */
  | { readonly kind: 'quota'; readonly status: number }
  /** 401: the provider does not know the key, or does not want it any more. */
  | { readonly kind: 'refused'; readonly status: number }
  /** 403: the key is good, but not for this model, this address or this request. */
  | { readonly kind: 'forbidden'; readonly status: number }
  /** It does not open here, or to nothing that a provider could be shown. */
  | { readonly kind: 'unusable' }
  /** 5xx (529 says overloaded), 408, a model that the key turns out not to have, what no API answers, and an answer without its body. */
  | { readonly kind: 'broken'; readonly status: number }
  /** No connection, or no answer on it, in time. */
  | { readonly kind: 'timeout'; readonly wasSent: boolean }
  /** Refused, reset, no such host; `advice` to operators where only they can help. */
  | { readonly kind: 'unreachable'; readonly errorCode: string; readonly advice?: string };

/**
 * Whether a status lets another key or provider try. Everything else is the provider's answer to this very request
 * and is passed on.
 */
export function isFailure(status: number): boolean {
  return (
    status >= 500 ||
    status === 429 ||
    (status >= 401 && status <= 403) ||
    status === 408 ||
    status < 200 ||
    isRedirect(status)
  );
}

/** Following a redirect would send the credential to an address that nobody configured. */
function isRedirect(status: number): boolean {
  return status >= 300 && status < 400;
}

const QUOTA_TEXT =
  /insufficient_quota|insufficient_balance|billing_hard_limit|spend(?:ing)? limit|exceeded your current quota/i;

/** Google refuses a project without a billing account as it refuses a credential. */
const BILLING_TEXT = /"reason":\s*"BILLING_DISABLED"/;

/** @param body The beginning of the provider's answer. */
export function failureOfStatus(
  status: number,
  headers: ProviderHeaders,
  body: string,
  nowMs: number,
): Failure {
  if (status === 401) return { kind: 'refused', status };
  if (status === 403 && BILLING_TEXT.test(body)) return { kind: 'quota', status };
  if (status === 402) return { kind: 'quota', status };
  if (status !== 429 && status !== 403) return { kind: 'broken', status };
  if (QUOTA_TEXT.test(body)) return { kind: 'quota', status };
  if (status === 403) return { kind: 'forbidden', status };
  return { kind: 'throttled', status, retryAfterMs: retryAfterMs(headers, nowMs) };
}

/** What undici reports when it had not even a status. */
export function failureOfError(error: Error): Failure {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return { kind: 'timeout', wasSent: false };
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT')
    return { kind: 'timeout', wasSent: true };
  if (error instanceof OutboundAddressError) {
    return { kind: 'unreachable', errorCode: code, advice: error.message };
  }
  return { kind: 'unreachable', errorCode: code };
}

/** An answer was announced and nothing of it came. */
export function failureAfterHead(status: number, error: Error): Failure {
  const failure = failureOfError(error);
  return failure.kind === 'timeout' ? failure : { kind: 'broken', status };
}

/** Whether the provider took the request and never said what became of it, so that it may have been computed. */
export function mayHaveComputed(failure: Failure): boolean {
  return failure.kind === 'timeout' ? failure.wasSent : failure.kind === 'broken' && failure.status < 300;
}

/** The provider's HTTP status; null where none came. */
export function statusOf(failure: Failure): number | null {
  return 'status' in failure ? failure.status : null;
}

/** What the client is told when nobody is left to ask. */
export function failureError(failure: Failure, soonestWakeMs: number): AppError {
  switch (failure.kind) {
    case 'timeout':
      return new AppError('UPSTREAM_TIMEOUT', 'The provider did not answer in time. Try again.', {
        message: failure.wasSent ? 'no answer in time' : 'no connection in time',
      });
    case 'broken':
      return new AppError('UPSTREAM_ERROR', 'The provider failed to answer this request. Try again.', {
        message: `provider answered ${failure.status}`,
      });
    case 'unreachable':
      return new AppError('UPSTREAM_ERROR', 'The provider could not be reached. Try again.', {
        message: `provider unreachable: ${failure.errorCode}`,
      });
    case 'forbidden':
      return new AppError(
        'UPSTREAM_ERROR',
        'The provider does not serve this request with the key of the organization. Ask for another model, or an administrator to see what the provider key may do.',
        { message: `provider answered ${failure.status}` },
      );
    case 'throttled':
    case 'quota':
    case 'refused':
      return noProviderKey(soonestWakeMs, `provider key ${failure.kind} (${failure.status})`);
    case 'unusable':
      return noProviderKey(soonestWakeMs, 'provider key unusable');
  }
}

/** @param soonestWakeMs How long until the next key wakes; Infinity when none will by itself. */
export function noProviderKey(soonestWakeMs: number, message: string): AppError {
  const isKnown = Number.isFinite(soonestWakeMs);
  const seconds = isKnown ? Math.max(1, Math.ceil(soonestWakeMs / 1_000)) : NO_WAKE_SECONDS;
  const detail = isKnown
    ? `Every provider key for this model is resting. Try again in ${seconds} s.`
    : 'No provider key that serves this path with this model is usable. An administrator of the organization has to add or repair one.';
  return new AppError('NO_PROVIDER_KEY', detail, { message, retryAfterSeconds: seconds });
}

/** When only a person can help, trying every few seconds does not. */
const NO_WAKE_SECONDS = 60;
