import type { Claim, Deployments } from '@weir/counters/deployments/contract';
import type { Clock } from '@weir/kernel/clock';
import type { Endpoint } from '../endpoints/endpoint.ts';
import type { Policy } from '../keys/policy.ts';
import type { ProviderTarget } from '../upstream/provider-target.ts';
import { deploymentName } from './deployment-name.ts';
import type { KeyRotation } from './key-rotation.ts';
import { canServe, failoverRoute, freeRoute, type ModelRoute } from './model-route.ts';
import { EMPTY_POOL } from './provider-pool.ts';
import type { RefusedKeys } from './refused-keys.ts';
import type { Stickiness } from './stickiness.ts';

/** One provider key to ask for one model. */
export interface Candidate {
  readonly route: ModelRoute;
  readonly target: ProviderTarget;
  readonly decision: 'PRIMARY' | 'FAILOVER';
  /** The right to ask; whoever has it reports what came of it. */
  readonly claim: Claim;
}

export interface AttemptPlan {
  /**
   * Whom to ask next; undefined when everybody who may be asked has been, or is resting. A promise only where other
   * proxies have a say, because a deployment is to be tested after a failure.
   */
  next(): Candidate | undefined | Promise<Candidate | undefined>;
  /** How long until the first of the keys that were passed over wakes; Infinity when there is none. Milliseconds. */
  soonestWakeMs(): number;
}

export interface PlanDeps {
  readonly deployments: Deployments;
  readonly refusedKeys: RefusedKeys;
  readonly rotation: KeyRotation;
  readonly clock: Clock;
}

export interface PlanRequest {
  readonly policy: Policy;
  readonly route: ModelRoute;
  readonly endpoint: Pick<Endpoint, 'operation' | 'isFree'>;
  /** Null where the keys take turns. */
  readonly stickiness: Stickiness | null;
}

/** Gear of an account: 0 stays on its Level, 1 follows Switch Over, 2 also model failover. */
const GEAR_SWITCH_OVER = 1;
const GEAR_MODEL_FAILOVER = 2;
/** When to come back while a test is under way, which may end at any moment. */
const PROBE_WAIT_MS = 1_000;

/**
 * The order in which one request may ask provider keys: the awake keys of the model's Level, healthy ones before those
 * that an operator marked as degraded, then of the Levels that Switch Over leads to, then the same for the models that
 * take over. Each Level, model and key is tried once, so circles end. A key whose provider cannot do what is asked for is
 * none of them.
 */
export function createAttemptPlan(request: PlanRequest, deps: PlanDeps): AttemptPlan {
  const { policy, stickiness } = request;
  const { operation, isFree } = request.endpoint;
  const { deployments, refusedKeys } = deps;
  /** All three are short, and nearly always of one entry at most. */
  const asked: string[] = [];
  const models = [request.route.model.name];
  let levels = [request.route.level];
  let route = isFree ? freeRoute(request.route) : request.route;
  let level = route.level;
  let isPrimary = true;
  let soonestMs = Number.POSITIVE_INFINITY;

  function choose(): ProviderTarget | undefined {
    const { healthy, degraded } = policy.pools.get(level) ?? EMPTY_POOL;
    const chosen = pick(healthy);
    if (chosen || degraded.length === 0) return chosen;
    if (healthy.some(isServing)) isPrimary = false;
    return pick(degraded);
  }

  function pick(targets: readonly ProviderTarget[]): ProviderTarget | undefined {
    const serving = targets.every(isServing) ? targets : targets.filter(isServing);
    const candidates = isUntroubled() ? serving : serving.filter(isAskable);
    return stickiness?.pick(candidates, route.model.name) ?? deps.rotation.pick(candidates);
  }

  function isServing({ provider }: ProviderTarget): boolean {
    return provider.serves(operation, route.upstreamModel);
  }

  /** The usual case: nothing was tried yet and nothing is held against anybody, so nobody is looked at. */
  function isUntroubled(): boolean {
    return asked.length === 0 && deployments.isQuiet && refusedKeys.isEmpty;
  }

  function isAskable(target: ProviderTarget): boolean {
    const deployment = deploymentName(target, route.upstreamModel);
    if (asked.includes(deployment) || refusedKeys.has(target.key, policy.snapshot.epoch)) return false;
    const state = deployments.stateOf(deployment);
    if (state.kind === 'awake' || state.kind === 'half-open') return true;
    const wakesAtMs = state.kind === 'sleeping' ? state.untilMs : deps.clock.now() + PROBE_WAIT_MS;
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
    if (next === undefined || levels.includes(next) || !mayDriftTo(policy, next)) return false;
    levels.push(next);
    level = next;
    return true;
  }

  function switchModel(): boolean {
    if (policy.account.gear < GEAR_MODEL_FAILOVER) return false;
    const next = failoverRoute(policy, route);
    if (!next || models.includes(next.model.name)) return false;
    if (!canServe(next.model, operation) || !mayDriftTo(policy, next.level)) return false;
    models.push(next.model.name);
    levels = [next.level];
    route = isFree ? freeRoute(next) : next;
    level = next.level;
    return true;
  }

  function next(): Candidate | undefined | Promise<Candidate | undefined> {
    for (;;) {
      const target = choose();
      if (!target) {
        if (!moveOn()) return undefined;
        continue;
      }
      const deployment = deploymentName(target, route.upstreamModel);
      asked.push(deployment);
      const chosen = { route, target, decision: isPrimary ? 'PRIMARY' : 'FAILOVER' } as const;
      const claim = deployments.claim(deployment);
      if (claim instanceof Promise) {
        return claim.then((granted) => (granted ? tried({ ...chosen, claim: granted }) : passOver(next)));
      }
      if (claim) return tried({ ...chosen, claim });
    }
  }

  function tried(candidate: Candidate): Candidate {
    isPrimary = false;
    return candidate;
  }

  /** Another request tests the deployment. */
  function passOver<T>(goOn: () => T): T {
    soonestMs = Math.min(soonestMs, deps.clock.now() + PROBE_WAIT_MS);
    return goOn();
  }

  return { next, soonestWakeMs: () => Math.max(0, soonestMs - deps.clock.now()) };
}

/** The nearest account that says where this Level leads decides. */
function nextLevel({ snapshot }: Policy, from: number): number | undefined {
  for (const account of snapshot.accounts.toReversed()) {
    const entry = account.switchOver.find((switchOver) => switchOver.from === from);
    if (entry) return entry.to;
  }
  return undefined;
}

/** AllowLevels of every account and of the key bound where a request may drift to, not where it starts. */
function mayDriftTo({ snapshot }: Policy, level: number): boolean {
  return [...snapshot.accounts, snapshot.key].every(
    ({ allowLevels }) => allowLevels === null || allowLevels.includes(level),
  );
}
