import type { ProviderTarget } from '../upstream/provider-target.ts';

export interface KeyRotation {
  /** One of the candidates, so that over time each gets its weight's share; undefined where there is none. */
  pick(candidates: readonly ProviderTarget[]): ProviderTarget | undefined;
}

/** Provider keys whose place in the rotation is kept; beyond it everybody starts anew, which costs no correctness. */
const KEYS_MAX = 10_000;

/**
 * Smooth weighted round robin: everybody gains its weight, the one with the most serves and pays what all gained.
 * Keys that sleep meanwhile neither gain nor pay.
 */
export function createKeyRotation(): KeyRotation {
  const credits = new Map<string, number>();
  return {
    pick(candidates) {
      let best = candidates[0];
      if (best === undefined || candidates.length === 1) return best;
      if (credits.size > KEYS_MAX) credits.clear();
      let bestCredit = Number.NEGATIVE_INFINITY;
      let total = 0;
      for (const candidate of candidates) {
        const { id, weight } = candidate.key;
        const credit = (credits.get(id) ?? 0) + weight;
        credits.set(id, credit);
        total += weight;
        if (credit > bestCredit) {
          best = candidate;
          bestCredit = credit;
        }
      }
      credits.set(best.key.id, bestCredit - total);
      return best;
    },
  };
}
