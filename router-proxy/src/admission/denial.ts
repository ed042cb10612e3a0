import type { WindowState } from '@weir/counters/contract';
import { assertNever } from '@weir/kernel/assert-never';
import { AppError } from '@weir/kernel/errors';
import type { Policy } from '../keys/policy.ts';
import type { Admission } from '../metering/contract.ts';
import { holdingError } from './holding-denial.ts';
import { modelOf, scopeOf } from './subject.ts';

type Denied = Extract<Admission, { kind: 'denied' }>;

/** Slots come free whenever a request ends, which nobody can foretell; the store only knows when they would lapse. */
const CONCURRENCY_RETRY_SECONDS = 1;

/** What a denied caller is told: which limit, of whom, how much, and when to come back. */
export function denialError(denied: Denied, policy: Policy): AppError {
  switch (denied.reason) {
    case 'window':
    case 'cooldown':
      return windowError(denied.window, denied.reason, Math.max(1, Math.ceil(denied.retryAfterMs / 1_000)));
    case 'concurrency':
      return new AppError(
        'CONCURRENCY_LIMITED',
        `${holderOf(denied.subject)} may have ${denied.limit} requests running at the same time. Wait for one to end.`,
        {
          retryAfterSeconds: CONCURRENCY_RETRY_SECONDS,
          details: { limitContext: { scope: scopeOf(denied.subject), limit: denied.limit } },
        },
      );
    case 'holding':
      return holdingError(denied, policy);
    default:
      return assertNever(denied);
  }
}

function windowError(window: WindowState, reason: 'window' | 'cooldown', seconds: number): AppError {
  const limit = `${window.limit} ${window.metric} per ${window.window}`;
  const hint =
    reason === 'cooldown' && window.window !== 'day'
      ? ' Trying again earlier makes the wait start anew.'
      : '';
  return new AppError(
    'RATE_LIMITED',
    `${holderOf(window.subject)} is limited to ${limit}. Try again in ${seconds} s.${hint}`,
    {
      retryAfterSeconds: seconds,
      details: {
        limitContext: {
          scope: scopeOf(window.subject),
          metric: window.metric,
          window: window.window,
          limit: window.limit,
          remaining: window.remaining,
        },
      },
    },
  );
}

function holderOf(subject: string): string {
  const holder = { organization: 'The organization', account: 'The account', apiKey: 'This API key' }[
    scopeOf(subject)
  ];
  const model = modelOf(subject);
  return model === null ? holder : `${holder}, for the model "${model}",`;
}
