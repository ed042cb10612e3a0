import type { LimitSet } from '@weir/contracts/policy-snapshot';
import type { AccessListName } from '@weir/kernel/acl';
import { coveredBy, firstBeyond } from '@weir/kernel/acl-containment';
import { intersectLists } from '@weir/kernel/acl-intersection';
import { bestMatch } from '@weir/kernel/pattern';
import { intersectPatterns } from '@weir/kernel/pattern-intersection';
import { changeAccess, type AccessProblem, type AccessSettings, type BindingNode } from './access-change.ts';
import { LIST_NAMES, UNRESTRICTED, type AccessLists } from './access-lists.ts';
import { boundsOfModel, LIMIT_NAMES, MODEL_LIMITS_MAX } from './limits.ts';

/** Everything that a node allows itself and nodes above it do not. */
export function problemsBelow(node: AccessSettings, above: readonly BindingNode[]): readonly AccessProblem[] {
  const { access, limits, modelLimits } = node;
  const entries = LIST_NAMES.map((name) => [name, { kind: 'set', list: access[name] }] as const);
  const whole = { access: Object.fromEntries(entries), limits, modelLimits };
  const blank = { access: UNRESTRICTED, limits: {}, modelLimits: [] };
  const result = changeAccess(blank, whole, above);
  return result.ok ? [] : result.error;
}

/** What is left of a node's own lists and limits within those of the nodes above it. It stays as it is where it fits. */
export function narrowAccess(node: AccessSettings, above: readonly BindingNode[]): AccessSettings {
  const general = above.map(({ limits }) => limits);
  return {
    access: narrowLists(node.access, above),
    limits: lowest(node.limits, general),
    modelLimits: node.modelLimits.map(({ pattern, limits }) => ({
      pattern,
      limits: lowest(
        limits,
        boundsOfModel(pattern, above).map(({ set }) => set),
      ),
    })),
  };
}

function narrowLists(own: AccessLists, bounds: readonly BindingNode[]): AccessLists {
  const narrowed = { ...own };
  for (const name of LIST_NAMES) {
    for (const { access } of bounds) {
      const [list, above] = [narrowed[name], access[name]];
      if (list === null || above === null || firstBeyond(name, list, above) === undefined) continue;
      narrowed[name] = allowedByBoth(name, list, above);
    }
  }
  return narrowed;
}

/**
 * Never more than both allow. Patterns may have more in common than `intersectLists` tells; then only what one list has
 * and the other one covers is left.
 */
function allowedByBoth(name: AccessListName, own: readonly string[], above: readonly string[]) {
  const [isOwn, isAbove] = [coveredBy(name, own), coveredBy(name, above)];
  const common = (intersectLists(name, own, above) ?? []).filter((entry) => isOwn(entry) && isAbove(entry));
  const isThere = coveredBy(name, common);
  const further = [...own.filter(isAbove), ...above.filter(isOwn)].filter((entry) => !isThere(entry));
  return [...common, ...new Set(further)];
}

/** Limits that are there, none above the same limit of any of the bounds. */
function lowest(own: LimitSet, bounds: readonly LimitSet[]): LimitSet {
  const limits: Record<string, number> = {};
  for (const name of LIMIT_NAMES) {
    const value = own[name];
    if (value != null) limits[name] = Math.min(value, ...bounds.map((set) => set[name] ?? value));
  }
  return limits;
}

/** Every limit that either has, the lower one where both have it. */
function lower(a: LimitSet, b: LimitSet): LimitSet {
  return lowest({ ...b, ...a }, [b]);
}

/**
 * The node's settings with those of a node above written into it: lists and limits that it left to that node become its
 * own, so that it allows no more when that node is gone.
 * @returns Undefined where it would have more limits of models than a node may have.
 */
export function absorbAccess(node: AccessSettings, bound: BindingNode): AccessSettings | undefined {
  const patterns = patternsOfBoth(node, bound);
  if (!patterns) return undefined;
  const access = { ...narrowLists(node.access, [bound]) };
  for (const name of LIST_NAMES) access[name] ??= bound.access[name];
  // Of one node's entries only the best match counts, so that each has to say what both nodes said of its models.
  const limitsOf = ({ modelLimits }: AccessSettings, name: string) =>
    bestMatch(modelLimits, ({ pattern }) => pattern, name)?.limits ?? {};
  return {
    access,
    limits: lower(node.limits, bound.limits),
    modelLimits: [...patterns].map((pattern) => ({
      pattern,
      limits: lower(limitsOf(node, pattern), limitsOf(bound, pattern)),
    })),
  };
}

/**
 * The models and patterns that either node names, and what two of them have in common: such models are named best by
 * neither. Undefined beyond `MODEL_LIMITS_MAX`, of which patterns that cross make many more.
 */
function patternsOfBoth(node: AccessSettings, bound: BindingNode): ReadonlySet<string> | undefined {
  const [own, above] = [node, bound].map(({ modelLimits }) => modelLimits.map(({ pattern }) => pattern));
  const patterns = new Set([...(own ?? []), ...(above ?? [])]);
  for (const a of own ?? []) {
    for (const b of above ?? []) {
      if (patterns.size > MODEL_LIMITS_MAX) return undefined;
      for (const both of intersectPatterns(a, b)) patterns.add(both);
    }
  }
  return patterns.size > MODEL_LIMITS_MAX ? undefined : patterns;
}

/** Whether a node restricts nothing itself. */
export function isUnrestricted({ access, limits, modelLimits }: AccessSettings): boolean {
  return (
    LIST_NAMES.every((name) => access[name] === null) &&
    LIMIT_NAMES.every((name) => limits[name] == null) &&
    modelLimits.length === 0
  );
}
