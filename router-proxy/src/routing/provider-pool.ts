import type { SnapshotProviderKey } from '@weir/contracts/policy-snapshot';
import { compileProviderTarget, type ProviderTarget } from '../upstream/provider-target.ts';

/** The provider keys of one Level that may serve. */
export interface ProviderPool {
  readonly healthy: readonly ProviderTarget[];
  /** Marked by an operator: asked when no healthy one is left. */
  readonly degraded: readonly ProviderTarget[];
}

export const EMPTY_POOL: ProviderPool = { healthy: [], degraded: [] };

/** Keys with the weight 0 are drained and in no pool. */
export function poolsByLevel(keys: readonly SnapshotProviderKey[]): ReadonlyMap<number, ProviderPool> {
  const pools = new Map<
    number,
    { readonly healthy: ProviderTarget[]; readonly degraded: ProviderTarget[] }
  >();
  for (const key of keys) {
    const target = key.weight > 0 ? compileProviderTarget(key) : undefined;
    if (!target) continue;
    const pool = pools.get(key.level) ?? { healthy: [], degraded: [] };
    pools.set(key.level, pool);
    (key.isDegraded ? pool.degraded : pool.healthy).push(target);
  }
  return pools;
}
