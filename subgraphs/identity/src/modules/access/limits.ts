import type { LimitSet, ModelLimit } from '@weir/contracts/policy-snapshot';
import { bestMatch } from '@weir/kernel/pattern';
import { err, ok, type Result } from '@weir/kernel/result';
import { problemOfPattern } from '@weir/kernel/routing-rules';

export const LIMIT_NAMES = [
  'requestsPerMinute',
  'requestsPerHour',
  'requestsPerDay',
  'tokensPerMinute',
  'tokensPerHour',
  'tokensPerDay',
  'concurrency',
] as const satisfies readonly (keyof LimitSet)[];

/** A counter holds doubles in one of its implementations; a thousand million million is far below where they round. */
const LIMIT_MAX = 1_000_000_000_000_000;
export const MODEL_LIMITS_MAX = 200;

/** Undefined leaves a limit as it is, null clears it. */
export type LimitChanges = { readonly [Name in keyof LimitSet]?: number | null | undefined };

export interface Limits {
  readonly limits: LimitSet;
  readonly modelLimits: readonly ModelLimit[];
}

export interface LimitsChange {
  /** Null clears every limit; undefined leaves them. */
  readonly limits?: LimitChanges | null | undefined;
  /** The whole list; null clears it. */
  readonly modelLimits?:
    readonly { readonly pattern: string; readonly limits: LimitChanges }[] | null | undefined;
}

/** Limits that bind from above. */
export interface BindingLimits extends Limits {
  /** For sentences, for example `the account "Team"`. */
  readonly title: string;
}

export interface LimitProblem {
  readonly code: 'INVALID_LIMIT' | 'INVALID_MODEL_LIMIT' | 'ABOVE_PARENT';
  readonly message: string;
  /** Below the input's `limits` or `modelLimits`. */
  readonly path: readonly string[];
}

/**
 * The limits after the change, or everything that is wrong with it.
 * @param above The nearest first.
 */
export function changeLimits(
  current: Limits,
  change: LimitsChange,
  above: readonly BindingLimits[],
): Result<Limits, readonly LimitProblem[]> {
  const problems: LimitProblem[] = [];
  let { limits, modelLimits } = current;
  if (change.limits !== undefined) {
    limits = change.limits === null ? {} : mergeLimits(limits, change.limits);
    const bounds = above.map(({ title, limits: set }) => ({ title, set }));
    problems.push(...problemsOfSet(change.limits ?? {}, bounds, ['limits']));
  }
  if (change.modelLimits !== undefined) {
    const given = change.modelLimits ?? [];
    modelLimits = given.map(({ pattern, limits: set }) => ({ pattern, limits: mergeLimits({}, set) }));
    problems.push(...problemsOfModelLimits(given, above));
  }
  return problems.length > 0 ? err(problems) : ok({ limits, modelLimits });
}

function mergeLimits(current: LimitSet, changes: LimitChanges): LimitSet {
  const merged: Record<string, number> = {};
  for (const name of LIMIT_NAMES) {
    const value = changes[name] === undefined ? current[name] : changes[name];
    if (value != null) merged[name] = value;
  }
  return merged;
}

interface Bound {
  readonly title: string;
  readonly set: LimitSet;
}

function problemsOfSet(
  changes: LimitChanges,
  bounds: readonly Bound[],
  path: readonly string[],
): LimitProblem[] {
  const problems: LimitProblem[] = [];
  for (const name of LIMIT_NAMES) {
    const value = changes[name];
    if (value == null) continue;
    if (!Number.isSafeInteger(value) || value < 0 || value > LIMIT_MAX) {
      const message = `${name} must be a whole number from 0 to ${LIMIT_MAX}; null clears it.`;
      problems.push({ code: 'INVALID_LIMIT', message, path: [...path, name] });
      continue;
    }
    const bound = bounds.find(({ set }) => value > (set[name] ?? Number.POSITIVE_INFINITY));
    if (bound) {
      const message = `${name} of ${value} would never take effect: ${bound.title} has a limit of ${String(bound.set[name])}.`;
      problems.push({ code: 'ABOVE_PARENT', message, path: [...path, name] });
    }
  }
  return problems;
}

function problemsOfModelLimits(
  given: NonNullable<LimitsChange['modelLimits']>,
  above: readonly BindingLimits[],
): LimitProblem[] {
  if (given.length > MODEL_LIMITS_MAX) {
    const message = `At most ${MODEL_LIMITS_MAX} models or patterns can have limits of their own.`;
    return [{ code: 'INVALID_MODEL_LIMIT', message, path: ['modelLimits'] }];
  }
  const seen = new Set<string>();
  return given.flatMap(({ pattern, limits }, index) => {
    const path = ['modelLimits', String(index)];
    const problem =
      problemOfPattern(pattern) ??
      (seen.has(pattern) ? `"${pattern}" is named twice: keep one entry for it.` : undefined);
    if (problem !== undefined) {
      return [{ code: 'INVALID_MODEL_LIMIT' as const, message: problem, path: [...path, 'pattern'] }];
    }
    seen.add(pattern);
    return problemsOfSet(limits, boundsOfModel(pattern, above), [...path, 'limits']);
  });
}

/**
 * What a node above allows these models: its own limits for them, and then those for all models together, as every model
 * counts there, too. Taking the pattern for a name finds the entry that fits all that the pattern fits.
 */
export function boundsOfModel(pattern: string, above: readonly BindingLimits[]): readonly Bound[] {
  return above.flatMap(({ title, limits, modelLimits }) => {
    const ofModel = bestMatch(modelLimits, (entry) => entry.pattern, pattern);
    const general = { title, set: limits };
    return ofModel
      ? [{ title: `${title}, for "${ofModel.pattern}",`, set: ofModel.limits }, general]
      : [general];
  });
}
