import type { Deployments } from '@weir/counters/deployments/contract';
import { assertNever } from '@weir/kernel/assert-never';
import type { Logger } from '@weir/service/logger';
import type { Policy } from '../keys/policy.ts';
import type { Failure } from '../upstream/failure.ts';
import type { Candidate } from './attempt-plan.ts';
import type { RefusedKeys } from './refused-keys.ts';

export interface FailureReportDeps {
  readonly deployments: Deployments;
  readonly refusedKeys: RefusedKeys;
  readonly log: Logger;
}

/**
 * What follows from a failure for the requests to come: the deployment rests, or the key is not asked at all.
 *
 * A 401 says that the provider does not know the key: it is disabled until a person repairs it. A 403 says that the key
 * may not do this: it can be the model, the region, or this one request that a filter of the provider rejects. It must
 * not take the key from everybody, so only the deployment rests, and a test follows.
 */
export function reportFailure(
  { deployments, refusedKeys, log }: FailureReportDeps,
  policy: Policy,
  { claim, target }: Candidate,
  failure: Failure,
): void {
  log.warn({ providerKeyId: target.key.id, deployment: claim.deployment, failure }, 'provider failed');
  switch (failure.kind) {
    case 'refused':
      refusedKeys.refuse({
        organizationId: policy.snapshot.organization.id,
        key: target.key,
        policyEpoch: policy.snapshot.epoch,
        status: failure.status,
      });
      deployments.released(claim);
      return;
    case 'unusable':
      refusedKeys.unusable(target.key, policy.snapshot.epoch);
      deployments.released(claim);
      return;
    case 'throttled':
      deployments.failed(claim, { reason: failure.kind, retryAfterMs: failure.retryAfterMs });
      return;
    case 'quota':
    case 'broken':
    case 'timeout':
    case 'unreachable':
    case 'forbidden':
      deployments.failed(claim, { reason: failure.kind, retryAfterMs: null });
      return;
    default:
      assertNever(failure);
  }
}
