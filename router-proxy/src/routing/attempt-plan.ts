import type { Operation } from '@weir/contracts/operation';
import type { Clock } from '@weir/kernel/clock';
import type { Policy } from '../keys/policy.ts';
import type { ProviderTarget } from '../upstream/provider-target.ts';
import type { KeyHealth } from './key-health.ts';
import type { KeyRotation } from './key-rotation.ts';
import { failoverRoute, type ModelRoute } from './model-route.ts';

/** One provider key to ask for one model. */
export interface Candidate {
  readonly route: ModelRoute;
  readonly target: ProviderTarget;
  readonly decision: 'PRIMARY' | 'FAILOVER';
  /** What `KeyHealth` knows it by. */
  readonly deployment: string;
}

export interface AttemptPlan {
  /** Whom to ask next; undefined when everybody who may be asked has been, or is resting. */
  next(): Candidate | undefined;
  /** How long until the first of the keys that were passed over wakes; Infinity when there is none. Milliseconds. */
  soonestWakeMs(): number;
}

export interface PlanDeps {
  readonly health: KeyHealth;
  readonly rotation: KeyRotation;
  readonly clock: Clock;
}

/** Gear of an account: 0 stays on its Level, 1 follows Switch Over, 2 also model failover. */
const GEAR_SWITCH_OVER = 1;
const GEAR_MODEL_FAILOVER = 2;

/**
 * The order in which one request may ask provider keys: the awake keys of the model's Level, then of the Levels that
 * Switch Over leads to, then the same for the models that take over. Each Level, model and key is tried once, so
 * circles end. A key whose provider cannot do what is asked for is none of them.
 */
export function createAttemptPlan(
  policy: Policy,
  first: ModelRoute,
  operation: Operation,
  deps: PlanDeps,
): AttemptPlan {
  const asked = new Set<string>();
  const levels = new Set<number>([first.level]);
  const models = new Set<string>([first.model.name]);
  let route = first;
  let level = first.level;
  let isPrimary = true;
  let soonestMs = Number.POSITIVE_INFINITY;

  function awakeKey(): Candidate | undefined {
    for (;;) {
      const awake = (policy.pools.get(level) ?? []).filter(isAskable);
      const [one, ...others] = awake;
      if (!one) return undefined;
      const target = deps.rotation.pick([one, ...others]);
      const deployment = deploymentOf(target, route);
      asked.add(deployment);
      if (deps.health.claim(deployment)) {
        return { route, target, deployment, decision: isPrimary ? 'PRIMARY' : 'FAILOVER' };
      }
    }
  }

  function isAskable(target: ProviderTarget): boolean {
    if (!target.provider.serves(operation, route.upstreamModel)) return false;
    const deployment = deploymentOf(target, route);
    if (asked.has(deployment)) return false;
    const wakesAtMs = deps.health.availableAtMs(deployment);
    if (wakesAtMs === 0) return true;
    soonestMs = Math.min(soonestMs, wakesAtMs);
    return false;
  }

  /** @returns False when there is no further Level and no further model. */
  function moveOn(): boolean {
    isPrimary = false;
    return switchLevel() || switchModel();
  }

  function switchLevel(): boolean {
    if (policy.account.gear < GEAR_SWITCH_OVER) return false;
    const next = nextLevel(policy, level);
    if (next === undefined || levels.has(next) || !mayUseLevel(policy, next)) return false;
    levels.add(next);
    level = next;
    return true;
  }

  function switchModel(): boolean {
    if (policy.account.gear < GEAR_MODEL_FAILOVER) return false;
    const next = failoverRoute(policy, route);
    if (!next || models.has(next.model.name) || !mayUseLevel(policy, next.level)) return false;
    models.add(next.model.name);
    levels.clear();
    levels.add(next.level);
    route = next;
    level = next.level;
    return true;
  }

  return {
    next() {
      for (;;) {
        const candidate = awakeKey();
        if (candidate) {
          isPrimary = false;
          return candidate;
        }
        if (!moveOn()) return undefined;
      }
    },
    soonestWakeMs: () => Math.max(0, soonestMs - deps.clock.now()),
  };
}

/** A replaced secret is another deployment: what was held against the old one does not count. */
function deploymentOf({ key }: ProviderTarget, { upstreamModel }: ModelRoute): string {
  return `${key.id}:${key.secret.version}|${upstreamModel}`;
}

/** The nearest account that says where this Level leads decides. */
function nextLevel({ snapshot }: Policy, from: number): number | undefined {
  for (const account of snapshot.accounts.toReversed()) {
    const entry = account.switchOver.find((switchOver) => switchOver.from === from);
    if (entry) return entry.to;
  }
  return undefined;
}

/** AllowLevels of every account bounds where a request may drift to, not where it starts. */
function mayUseLevel({ snapshot }: Policy, level: number): boolean {
  return snapshot.accounts.every(({ allowLevels }) => allowLevels === null || allowLevels.includes(level));
}
