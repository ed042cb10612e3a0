import type { Clock } from '@weir/kernel/clock';
import { AppError } from '@weir/kernel/errors';
import type { Endpoint, InferenceCall } from '../endpoints/endpoint.ts';
import type { Policy } from '../keys/policy.ts';
import type { AttemptPlan, Candidate } from '../routing/attempt-plan.ts';
import type { DecidedAttempt, RoutingDecisions } from '../routing/routing-decisions.ts';
import type { AttemptEnd } from '../upstream/attempt.ts';
import { failureError, noProviderKey, statusOf, type Failure } from '../upstream/failure.ts';
import type { AdmittedAttempt, Admit } from './admit-attempt.ts';
import type { Dispatch } from './dispatch-attempt.ts';
import type { Exchange } from './exchange.ts';

/** One valid request, and whom it may ask. */
export interface InferenceRun {
  readonly endpoint: Endpoint;
  readonly exchange: Exchange;
  readonly policy: Policy;
  readonly call: InferenceCall;
  readonly plan: AttemptPlan;
}

/** @throws AppError when the client has to be told a failure. */
export type RunAttempts = (run: InferenceRun) => Promise<void>;

export interface RunAttemptsDeps {
  readonly admit: Admit;
  readonly dispatch: Dispatch;
  readonly decisions: RoutingDecisions;
  readonly clock: Clock;
  /** A request asks at most so many provider keys. */
  readonly attemptsMax: number;
}

/**
 * Steps 11 to 14: each attempt is admitted, recorded, sent and settled on its own; the next one follows while nothing
 * has reached the client and somebody is left to ask.
 */
export function createRunAttempts(deps: RunAttemptsDeps): RunAttempts {
  const { admit, dispatch, attemptsMax } = deps;
  return async (run) => {
    const { exchange, plan } = run;
    const attempts: DecidedAttempt[] = [];
    let last: Failure | undefined;
    try {
      while (attempts.length < attemptsMax) {
        const { ending } = exchange.lifetime;
        if (ending) return finish({ kind: 'abandoned', ending, wasSent: false });
        if (exchange.upload?.canRepeat === false) break;
        const found = plan.next();
        const candidate = found instanceof Promise ? await found : found;
        if (!candidate) break;
        const admission = last ? admitAfter(last, run, candidate, attempts) : admit(run, candidate, attempts);
        const admitted = await admission;
        const end = await dispatch(run, admitted);
        attempts.push(decided(candidate, end));
        if (end.kind !== 'failed') return finish(end);
        last = end.failure;
      }
      const soonestMs = plan.soonestWakeMs();
      throw last ? failureError(last, soonestMs) : noProviderKey(soonestMs, 'no provider key to ask');
    } finally {
      record(run, attempts);
    }
  };

  /** Who failed over and finds the budget used up meanwhile is told the failure, not the budget. */
  async function admitAfter(
    failure: Failure,
    run: InferenceRun,
    candidate: Candidate,
    earlier: readonly DecidedAttempt[],
  ): Promise<AdmittedAttempt> {
    try {
      return await admit(run, candidate, earlier);
    } catch (thrown) {
      if (thrown instanceof AppError && thrown.spec.kind === 'client') {
        throw failureError(failure, run.plan.soonestWakeMs());
      }
      throw thrown;
    }
  }

  function record({ policy, call, exchange }: InferenceRun, attempts: readonly DecidedAttempt[]): void {
    deps.decisions.record(policy.snapshot.organization.id, {
      atMs: deps.clock.now(),
      requestId: exchange.publicId,
      modelRequested: call.model,
      attempts,
    });
  }
}

function decided({ route, target, decision }: Candidate, end: AttemptEnd): DecidedAttempt {
  return {
    providerKeyId: target.key.id,
    level: target.key.level,
    model: route.model.name,
    decision,
    outcome: outcomeOf(end),
    status: end.kind === 'failed' ? statusOf(end.failure) : end.kind === 'forwarded' ? end.status : null,
  };
}

function outcomeOf(end: AttemptEnd): string {
  switch (end.kind) {
    case 'failed':
      return end.failure.kind;
    case 'abandoned':
      return 'abandoned';
    case 'forwarded':
      return 'answered';
  }
}

/** @throws AppError where the answer has to be broken off, or none can be given. */
function finish(end: Exclude<AttemptEnd, { kind: 'failed' }>): void {
  if (end.kind === 'abandoned') {
    if (end.ending.kind === 'stopped') throw end.ending.error;
    return;
  }
  switch (end.end.kind) {
    case 'complete':
    case 'client gone':
      return;
    case 'cut':
      throw new AppError('UPSTREAM_ERROR', 'The provider broke off in the middle of its answer. Try again.');
    case 'stalled':
      throw new AppError('UPSTREAM_TIMEOUT', 'The provider stopped in the middle of its answer. Try again.');
    case 'stopped':
      throw end.end.error;
  }
}
