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

/** A key that this request was given, for a model. */
interface Asked {
  readonly deployment: string;
  readonly target: ProviderTarget;
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
export class AttemptPlan {
  readonly #request: PlanRequest;
  readonly #deps: PlanDeps;
  /** All three are short, and nearly always of one entry at most. */
  readonly #asked: Asked[] = [];
  readonly #models: string[];
  #levels: number[];
  #route: ModelRoute;
  #level: number;
  #isPrimary = true;
  #soonestMs = Number.POSITIVE_INFINITY;

  constructor(request: PlanRequest, deps: PlanDeps) {
    const { route, endpoint } = request;
    this.#request = request;
    this.#deps = deps;
    this.#models = [route.model.name];
    this.#levels = [route.level];
    this.#route = endpoint.isFree ? freeRoute(route) : route;
    this.#level = route.level;
  }

  /**
   * Whom to ask next; undefined when everybody who may be asked has been, or is resting. A promise only where other
   * proxies have a say, because a deployment is to be tested after a failure.
   */
  next(): Candidate | undefined | Promise<Candidate | undefined> {
    for (;;) {
      const target = this.#choose();
      if (!target) {
        if (!this.#moveOn()) return undefined;
        continue;
      }
      const deployment = deploymentName(target, this.#route.upstreamModel);
      this.#asked.push({ deployment, target });
      const claim = this.#deps.deployments.claim(deployment);
      const route = this.#route;
      const decision = this.#isPrimary ? 'PRIMARY' : 'FAILOVER';
      if (claim instanceof Promise) {
        return claim.then((granted) => {
          if (granted) return this.#tried({ route, target, decision, claim: granted });
          // Another request tests the deployment.
          this.#soonestMs = Math.min(this.#soonestMs, this.#deps.clock.now() + PROBE_WAIT_MS);
          return this.next();
        });
      }
      if (claim) return this.#tried({ route, target, decision, claim });
    }
  }

  /**
   * How long until the first of the keys that were passed over, failed this request or were left wakes; Infinity when
   * none will by itself. Milliseconds.
   */
  soonestWakeMs(): number {
    const { healthy, degraded } = this.#request.policy.pools.get(this.#level) ?? EMPTY_POOL;
    const left = this.#serving([...healthy, ...degraded]);
    const soonestMs = Math.min(
      this.#soonestMs,
      ...this.#asked.map(({ deployment, target }) => this.#wakesAtMs(deployment, target)),
      ...left.map((target) => this.#wakesAtMs(deploymentName(target, this.#route.upstreamModel), target)),
    );
    return Math.max(0, soonestMs - this.#deps.clock.now());
  }

  #choose(): ProviderTarget | undefined {
    const { healthy, degraded } = this.#request.policy.pools.get(this.#level) ?? EMPTY_POOL;
    const chosen = this.#pick(healthy);
    if (chosen || degraded.length === 0) return chosen;
    if (healthy.some((target) => this.#isServing(target))) this.#isPrimary = false;
    return this.#pick(degraded);
  }

  #pick(targets: readonly ProviderTarget[]): ProviderTarget | undefined {
    const serving = this.#serving(targets);
    const candidates = this.#isUntroubled() ? serving : serving.filter((target) => this.#isAskable(target));
    const { stickiness } = this.#request;
    return stickiness?.pick(candidates, this.#route.model.name) ?? this.#deps.rotation.pick(candidates);
  }

  /** The same list where all of them are. */
  #serving(targets: readonly ProviderTarget[]): readonly ProviderTarget[] {
    for (const target of targets) {
      if (!this.#isServing(target)) return targets.filter((one) => this.#isServing(one));
    }
    return targets;
  }

  #isServing({ provider }: ProviderTarget): boolean {
    return provider.serves(this.#request.endpoint.operation, this.#route.upstreamModel);
  }

  /** The usual case: nothing was tried yet and nothing is held against anybody, so nobody is looked at. */
  #isUntroubled(): boolean {
    const { deployments, refusedKeys } = this.#deps;
    return this.#asked.length === 0 && deployments.isQuiet && refusedKeys.isEmpty;
  }

  #isAskable(target: ProviderTarget): boolean {
    const deployment = deploymentName(target, this.#route.upstreamModel);
    if (this.#asked.some((asked) => asked.deployment === deployment)) return false;
    const wakesAtMs = this.#wakesAtMs(deployment, target);
    if (wakesAtMs <= this.#deps.clock.now()) return true;
    this.#soonestMs = Math.min(this.#soonestMs, wakesAtMs);
    return false;
  }

  /** When it may be asked: now where it is awake, never where its key is refused. */
  #wakesAtMs(deployment: string, { key }: ProviderTarget): number {
    const { deployments, refusedKeys, clock } = this.#deps;
    if (refusedKeys.has(key, this.#request.policy.snapshot.epoch)) return Number.POSITIVE_INFINITY;
    const state = deployments.stateOf(deployment);
    if (state.kind === 'sleeping') return state.untilMs;
    return state.kind === 'probing' ? clock.now() + PROBE_WAIT_MS : clock.now();
  }

  /** @returns False when there is no further Level and no further model. */
  #moveOn(): boolean {
    this.#isPrimary = false;
    return this.#switchLevel() || this.#switchModel();
  }

  #switchLevel(): boolean {
    const { policy } = this.#request;
    if (policy.account.gear < GEAR_SWITCH_OVER) return false;
    const next = nextLevel(policy, this.#level);
    if (next === undefined || this.#levels.includes(next) || !mayDriftTo(policy, next)) return false;
    this.#levels.push(next);
    this.#level = next;
    return true;
  }

  #switchModel(): boolean {
    const { policy, endpoint } = this.#request;
    if (policy.account.gear < GEAR_MODEL_FAILOVER) return false;
    const next = failoverRoute(policy, this.#route);
    if (!next || this.#models.includes(next.model.name)) return false;
    if (!canServe(next.model, endpoint.operation) || !mayDriftTo(policy, next.level)) return false;
    this.#models.push(next.model.name);
    this.#levels = [next.level];
    this.#route = endpoint.isFree ? freeRoute(next) : next;
    this.#level = next.level;
    return true;
  }

  #tried(candidate: Candidate): Candidate {
    this.#isPrimary = false;
    return candidate;
  }
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
