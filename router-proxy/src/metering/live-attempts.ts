import type { AttemptIntent } from '@weir/contracts/attempt-record';
import type { AdmitRequest, Settlement } from '@weir/counters/contract';
import type { Uuid } from '@weir/kernel/ids';
import { RenewedMap } from '@weir/kernel/renewed-map';

/**
 * An attempt of this process from its admission until its close is durable. It is what the counter store is told
 * again when it has lost everything.
 */
export interface LiveAttempt {
  readonly intent: AttemptIntent;
  readonly admission: AdmitRequest;
  readonly outputCap: number | null;
  /** The journal's segments that prove it; 0 where there is none, because it runs or the disk refused. */
  intentSegment: number;
  closeSegment: number;
  /** Unix milliseconds of this process's clock. */
  renewAtMs: number;
  /** What its close means to the counters; undefined while it runs. */
  settlement: Settlement | undefined;
}

export interface LiveAttempts {
  add(attempt: LiveAttempt): void;
  get(organizationId: Uuid, attemptId: Uuid): LiveAttempt | undefined;
  remove(organizationId: Uuid, attemptId: Uuid): void;
  organizations(): readonly Uuid[];
  of(organizationId: Uuid): readonly LiveAttempt[];
  size(): number;
}

export function createLiveAttempts(): LiveAttempts {
  const byOrganization = new Map<Uuid, RenewedMap<Uuid, LiveAttempt>>();
  let size = 0;
  return {
    add(attempt) {
      const { organizationId, attemptId } = attempt.intent;
      let attempts = byOrganization.get(organizationId);
      if (!attempts) {
        attempts = new RenewedMap();
        byOrganization.set(organizationId, attempts);
      }
      if (!attempts.has(attemptId)) size++;
      attempts.set(attemptId, attempt);
    },
    get: (organizationId, attemptId) => byOrganization.get(organizationId)?.get(attemptId),
    remove(organizationId, attemptId) {
      const attempts = byOrganization.get(organizationId);
      if (!attempts?.delete(attemptId)) return;
      size--;
      if (attempts.size === 0) byOrganization.delete(organizationId);
    },
    organizations: () => [...byOrganization.keys()],
    of: (organizationId) => [...(byOrganization.get(organizationId)?.values() ?? [])],
    size: () => size,
  };
}
