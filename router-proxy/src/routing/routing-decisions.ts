import type { Uuid } from '@weir/kernel/ids';

/** One provider key that a request asked, and what came of it. */
export interface DecidedAttempt {
  readonly providerKeyId: Uuid;
  readonly level: number;
  /** The effective model; another one after a model failover. */
  readonly model: string;
  readonly decision: 'PRIMARY' | 'FAILOVER';
  /** `answered`, or the kind of failure. */
  readonly outcome: string;
  /** The provider's; null where none came. */
  readonly status: number | null;
}

/** Where one request went. */
export interface RoutingDecision {
  readonly atMs: number;
  readonly requestId: string;
  readonly modelRequested: string;
  readonly attempts: readonly DecidedAttempt[];
}

/** The last decisions of this process, for people who ask why a request went where it went. */
export interface RoutingDecisions {
  record(organizationId: Uuid, decision: RoutingDecision): void;
  /** The newest first. */
  of(organizationId: Uuid): readonly RoutingDecision[];
}

/** Decisions kept of one organization, and organizations that are kept; the one that decided longest ago goes first. */
const DECISIONS_MAX = 50;
const ORGANIZATIONS_MAX = 200;

interface Ring {
  readonly decisions: RoutingDecision[];
  next: number;
}

export function createRoutingDecisions(): RoutingDecisions {
  const rings = new Map<Uuid, Ring>();
  let last: { readonly id: Uuid; readonly ring: Ring } | undefined;

  /** The organization that decided last stands last. */
  function ringOf(id: Uuid): Ring {
    if (last?.id === id) return last.ring;
    const ring = rings.get(id) ?? { decisions: [], next: 0 };
    rings.delete(id);
    rings.set(id, ring);
    if (rings.size > ORGANIZATIONS_MAX) {
      const oldest = rings.keys().next();
      if (oldest.done !== true) rings.delete(oldest.value);
    }
    last = { id, ring };
    return ring;
  }

  return {
    record(organizationId, decision) {
      const ring = ringOf(organizationId);
      ring.decisions[ring.next] = decision;
      ring.next = (ring.next + 1) % DECISIONS_MAX;
    },
    of(organizationId) {
      const ring = rings.get(organizationId);
      if (!ring) return [];
      const { decisions, next } = ring;
      return [...decisions.slice(next), ...decisions.slice(0, next)].reverse();
    },
  };
}
