import type { AdmitRequest, AdmitResult } from '../contract.ts';
import type { Organization } from './state.ts';

/**
 * Attempts with a live lease occupy slots. They are only counted one by one when there are as many attempts as the
 * limit allows, because an expired one among them no longer counts.
 */
export function denyByConcurrency(
  organization: Organization,
  request: AdmitRequest,
  nowMs: number,
): AdmitResult | undefined {
  for (const { subject, limit } of request.concurrency) {
    const leases = organization.subjects.get(subject)?.leases;
    if ((leases?.size ?? 0) < limit) continue;
    const ends: number[] = [];
    for (const attempt of leases?.values() ?? [])
      if (attempt.leaseUntilMs > nowMs) ends.push(attempt.leaseUntilMs);
    if (ends.length < limit) continue;
    const end = limit < 1 ? undefined : ends.sort((a, b) => a - b)[ends.length - limit];
    const retryAfterMs = end === undefined ? request.leaseMs : end - nowMs;
    return { kind: 'denied', reason: 'concurrency', nowMs, subject, limit, retryAfterMs };
  }
  return undefined;
}
