import type { ConcurrencyLimit, WindowLimit } from '@weir/counters/contract';
import { CAPABILITY_OF_OPERATION } from '@weir/contracts/model-capability';
import type { Operation } from '@weir/contracts/operation';
import type {
  SnapshotAccount,
  SnapshotBudget,
  SnapshotCredit,
  SnapshotModel,
} from '@weir/contracts/policy-snapshot';
import { AppError } from '@weir/kernel/errors';
import { bestMatch, matchesPattern } from '@weir/kernel/pattern';
import { limitsFor } from '../admission/windows.ts';
import type { Policy } from '../keys/policy.ts';

/** What a requested name leads to under one policy: the effective model decides limits, price and routing. */
export interface ModelRoute {
  readonly requested: string;
  readonly model: SnapshotModel;
  /** The name that the provider is asked for. */
  readonly upstreamModel: string;
  readonly level: number;
  readonly windows: readonly WindowLimit[];
  readonly concurrency: readonly ConcurrencyLimit[];
  /** Budgets with enforcement BLOCK that count this model. */
  readonly budgets: readonly SnapshotBudget[];
  /** Enforced credit, whatever the model. */
  readonly credits: readonly SnapshotCredit[];
}

interface Mapped {
  readonly name: string;
  /** Place on the chain of the account whose mapping applied; null where none did. */
  readonly mappedAt: number | null;
}

/** Names that clients invent are never remembered, so what is kept is bounded by the policy itself. */
const ROUTES_MAX = 512;
const routesOf = new WeakMap<Policy, Map<string, ModelRoute>>();

/**
 * Steps 8 to 10 without the provider key: Model Mapper, AllowModels, registration, Level. Remembered per policy.
 * @throws AppError MODEL_NOT_ALLOWED, MODEL_NOT_FOUND
 */
export function routeModel(policy: Policy, requested: string): ModelRoute {
  let routes = routesOf.get(policy);
  if (!routes) {
    routes = new Map();
    routesOf.set(policy, routes);
  }
  const known = routes.get(requested);
  if (known) return known;
  const route = resolveRoute(policy, requested, mapModel(policy, requested));
  if (routes.size >= ROUTES_MAX) routes.clear();
  routes.set(requested, route);
  return route;
}

/** A model that is registered for nothing in particular serves whatever its provider does. */
export function canServe({ capabilities }: SnapshotModel, operation: Operation): boolean {
  return capabilities.length === 0 || capabilities.includes(CAPABILITY_OF_OPERATION[operation]);
}

/** @throws AppError MODEL_NOT_FOUND when the model is registered for other things than the operation. */
export function requireCapability({ model, requested }: ModelRoute, operation: Operation): void {
  if (canServe(model, operation)) return;
  const capabilities = model.capabilities.join(', ');
  throw new AppError(
    'MODEL_NOT_FOUND',
    `The model "${shown(requested)}" does not serve ${operation}: it is registered for ${capabilities}.`,
    { param: 'model' },
  );
}

/** The route of Gear 2: another model takes over. Undefined where it may not be used, so the next one is tried. */
export function failoverRoute(policy: Policy, from: ModelRoute): ModelRoute | undefined {
  const mapping = nearest(policy, ({ modelFailover }) =>
    bestMatch(modelFailover, ({ pattern }) => pattern, from.model.name),
  );
  if (!mapping) return undefined;
  try {
    const mapped = { name: mapping.entry.target, mappedAt: mapping.depth };
    return { ...resolveRoute(policy, from.requested, mapped) };
  } catch (thrown) {
    if (thrown instanceof AppError) return undefined;
    throw thrown;
  }
}

const freeRoutes = new WeakMap<ModelRoute, ModelRoute>();

/** The same route for what is free: it has no price, and nothing that counts tokens or money sees it. */
export function freeRoute(route: ModelRoute): ModelRoute {
  const known = freeRoutes.get(route);
  if (known) return known;
  const free: ModelRoute = {
    ...route,
    model: { ...route.model, prices: [] },
    windows: route.windows.filter(({ metric }) => metric === 'requests'),
    budgets: route.budgets.filter(({ metric }) => metric === 'REQUESTS'),
    credits: [],
  };
  freeRoutes.set(route, free);
  return free;
}

/** One step, never chained: the nearest account with a fitting entry decides, from the key's account up to the owner. */
function mapModel(policy: Policy, requested: string): Mapped {
  const found = nearest(policy, ({ modelMapper }) =>
    bestMatch(modelMapper, ({ pattern }) => pattern, requested),
  );
  return found ? { name: found.entry.target, mappedAt: found.depth } : { name: requested, mappedAt: null };
}

function resolveRoute(policy: Policy, requested: string, { name, mappedAt }: Mapped): ModelRoute {
  const model = policy.models.get(name);
  if (!isAllowed(policy, requested, mappedAt, model ? namesOf(model) : [name])) {
    throw new AppError('MODEL_NOT_ALLOWED', `This API key may not use the model "${shown(requested)}".`, {
      param: 'model',
    });
  }
  if (!model?.enabled) {
    throw new AppError(
      'MODEL_NOT_FOUND',
      `The model "${shown(requested)}" does not exist here. GET /v1/models lists what this API key may use.`,
      { param: 'model' },
    );
  }
  if (policy.account.tier < model.minTier) {
    throw new AppError(
      'MODEL_NOT_ALLOWED',
      `The model "${shown(requested)}" needs tier ${model.minTier} or higher.`,
      {
        param: 'model',
      },
    );
  }
  return {
    requested,
    model,
    // A name that only the provider pins (with a date) is asked for as such; an alias is ours alone.
    upstreamModel: model.snapshots.includes(name) ? name : model.name,
    level: levelOf(policy, model),
    ...limitsFor(policy.limits, model.name),
    budgets: policy.blockingBudgets.filter(
      ({ models }) => models === null || models.some((pattern) => matchesPattern(pattern, model.name)),
    ),
    credits: policy.snapshot.credits,
  };
}

/**
 * Every list has to know the effective model under one of its names. The requested name counts only where the mapping
 * comes from the node that carries the list or from above it: a node below must not talk itself past a list.
 */
function isAllowed(
  policy: Policy,
  requested: string,
  mappedAt: number | null,
  names: readonly string[],
): boolean {
  return policy.access.every(({ allowModels, depth }) => {
    if (!allowModels) return true;
    const counted = mappedAt !== null && mappedAt <= depth ? [...names, requested] : names;
    return allowModels.some((pattern) => counted.some((name) => matchesPattern(pattern, name)));
  });
}

function levelOf(policy: Policy, model: SnapshotModel): number {
  const found = nearest(policy, ({ levelMapper }) =>
    bestMatch(levelMapper, ({ pattern }) => pattern, model.name),
  );
  return found ? found.entry.level : policy.account.level;
}

function nearest<T>(
  { snapshot }: Policy,
  entryOf: (account: SnapshotAccount) => T | undefined,
): { readonly entry: T; readonly depth: number } | undefined {
  for (let depth = snapshot.accounts.length - 1; depth >= 0; depth--) {
    const account = snapshot.accounts[depth];
    const entry = account && entryOf(account);
    if (entry !== undefined) return { entry, depth };
  }
  return undefined;
}

function namesOf(model: SnapshotModel): readonly string[] {
  return [model.name, ...model.aliases, ...model.snapshots];
}

function shown(name: string): string {
  return name.slice(0, 64);
}
