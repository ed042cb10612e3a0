import type { SnapshotProviderKey } from '@weir/contracts/policy-snapshot';
import type { Deployments, DeploymentState } from '@weir/counters/deployments/contract';
import { encodeId } from '@weir/kernel/ids';
import type { Policy } from '../keys/policy.ts';
import { compileProviderTarget } from '../upstream/provider-target.ts';
import { deploymentParts } from './deployment-name.ts';
import type { RefusedKeys } from './refused-keys.ts';

/** One provider key as administrators read it. */
export interface KeyShown {
  readonly id: string;
  readonly name: string;
  readonly provider: string;
  readonly level: number;
  /** Null for a key that is switched off. */
  readonly weight: number | null;
  /**
   * `awake`: it serves, except the models listed. `degraded`: it serves when no healthy key of its Level is left.
   * `drained`: its weight is 0. `misconfigured`: its address or config is none. `refused`: not asked, about to be
   * disabled. `disabled`, `killed`: switched off.
   */
  readonly state: 'awake' | 'degraded' | 'drained' | 'misconfigured' | 'refused' | 'disabled' | 'killed';
  /** Why it is switched off; null where nobody said. */
  readonly reason: string | null;
  /** Models that it does not plainly serve at present, as the provider is asked for them. */
  readonly models: readonly ModelShown[];
}

interface ModelShown {
  readonly model: string;
  readonly state: 'sleeping' | 'half-open' | 'probing';
  readonly reason: string;
  readonly failures: number;
  readonly until: string | null;
}

/** Every provider key of the organization, by Level. */
export function keysShown(
  { snapshot }: Policy,
  deployments: Deployments,
  refusedKeys: RefusedKeys,
): readonly KeyShown[] {
  const models = modelsByKey(deployments);
  const used = snapshot.providerKeys.map((key) => ({
    ...namesOf(key),
    weight: key.weight,
    state: stateOf(key, refusedKeys.has(key, snapshot.epoch)),
    reason: null,
    models: models.get(`${key.id}:${key.secret.version}`) ?? [],
  }));
  const unused = snapshot.unusedProviderKeys.map((key) => ({
    ...namesOf(key),
    weight: null,
    state: key.status === 'KILLED' ? ('killed' as const) : ('disabled' as const),
    reason: key.reason,
    models: [],
  }));
  return [...used, ...unused].sort((one, other) => one.level - other.level);
}

function namesOf({
  id,
  name,
  provider,
  level,
}: Pick<SnapshotProviderKey, 'id' | 'name' | 'provider' | 'level'>) {
  return { id: encodeId('providerKey', id), name, provider, level };
}

function stateOf(key: SnapshotProviderKey, isRefused: boolean): KeyShown['state'] {
  if (isRefused) return 'refused';
  if (!compileProviderTarget(key)) return 'misconfigured';
  if (key.weight === 0) return 'drained';
  return key.isDegraded ? 'degraded' : 'awake';
}

function modelsByKey(deployments: Deployments): ReadonlyMap<string, readonly ModelShown[]> {
  const byKey = new Map<string, ModelShown[]>();
  for (const [deployment, state] of deployments.states()) {
    const parts = deploymentParts(deployment);
    const shown = parts && modelShown(parts.model, state);
    if (!shown) continue;
    const name = `${parts.keyId}:${parts.secretVersion}`;
    const models = byKey.get(name);
    if (models) models.push(shown);
    else byKey.set(name, [shown]);
  }
  return byKey;
}

function modelShown(model: string, state: DeploymentState): ModelShown | undefined {
  if (state.kind === 'awake') return undefined;
  const until = state.kind === 'half-open' ? null : new Date(state.untilMs).toISOString();
  return { model, state: state.kind, reason: state.reason, failures: state.failures, until };
}
