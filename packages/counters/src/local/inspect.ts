import type { InspectRequest, InspectResult } from '../contract.ts';
import { toLimit } from '../amount.ts';
import { graceState } from '../grace.ts';
import { holdingsSeeded, unseeded } from './admit.ts';
import { isCooling, slotFits, slotState, slotWait } from './slot.ts';
import { organizationOf, type LocalState, type Organization } from './state.ts';
import { resolveWindows } from './windows.ts';

/** How everything stands that an admission would look at. */
export function inspect(state: LocalState, request: InspectRequest, nowMs: number): InspectResult {
  const organization = organizationOf(state, request.organizationId, nowMs);
  const { startMs, endMs } = request.validWithin;
  if (nowMs < startMs || nowMs >= endMs) return { kind: 'stale', nowMs };
  const resolved = resolveWindows(state, organization, request, nowMs);
  if (!resolved || !holdingsSeeded(organization, request)) {
    return unseeded(state, organization, request, resolved, nowMs);
  }
  return {
    kind: 'inspected',
    nowMs,
    windows: request.windows.flatMap((window, index) => {
      const slot = resolved.slots[index];
      if (slot === undefined) return [];
      const shown = slotState(slot, window, nowMs, request.day);
      const cools = isCooling(slot, window.limit, nowMs);
      const isFree = !cools && slotFits(slot, window.limit, nowMs);
      const retryAfterMs = isFree ? 0 : slotWait(slot, window.limit, nowMs, request.day);
      return [{ ...shown, remaining: cools ? 0 : shown.remaining, retryAfterMs }];
    }),
    concurrency: request.concurrency.map((limit) => ({
      ...limit,
      running: runningOf(organization, limit.subject, nowMs),
    })),
    holdings: request.holdings.map(({ counter: name, limit, graceMs }) => {
      const counter = organization.counters.get(name);
      return {
        counter: name,
        committed: BigInt(counter?.committed ?? 0),
        held: BigInt(counter?.held ?? 0),
        grace: graceState(graceMs, toLimit(limit), counter?.grace, counter?.inherited ?? 0, nowMs),
      };
    }),
  };
}

function runningOf(organization: Organization, subject: string, nowMs: number): number {
  let running = 0;
  for (const attempt of organization.subjects.get(subject)?.leases.values() ?? []) {
    if (attempt.leaseUntilMs > nowMs) running += 1;
  }
  return running;
}
