import type { Budget, BudgetMetric } from './budget.ts';
import { parseLimit } from './budget-amount.ts';

export type BudgetErrorCode =
  | 'INVALID_NAME'
  | 'INVALID_LIMIT'
  | 'INVALID_THRESHOLDS'
  | 'INVALID_MODELS'
  | 'INVALID_GRACE'
  | 'AMBIGUOUS_TARGET'
  | 'TARGET_NOT_FOUND'
  | 'NOT_FOUND'
  | 'CONFLICT';

export interface BudgetProblem {
  readonly code: BudgetErrorCode;
  readonly message: string;
  /** Path into the mutation's input. */
  readonly field: readonly string[] | null;
}

const MAX_NAME_CHARACTERS = 100;
const MAX_THRESHOLDS = 10;
const MAX_MODELS = 50;
const MAX_MODEL_CHARACTERS = 200;
/** A week. */
const MAX_GRACE_MINUTES = 10_080;

/** The members of a budget that people choose; absent ones are not checked. */
export interface BudgetSettings {
  readonly name?: string | undefined;
  readonly limit?: string | undefined;
  readonly thresholds?: readonly number[] | undefined;
  readonly models?: readonly string[] | null | undefined;
  readonly graceMinutes?: number | undefined;
}

export type CheckedSettings = {
  readonly [K in 'name' | 'limit' | 'thresholds' | 'models' | 'graceMinutes']?: Budget[K];
};

function checkName(name: string): string | undefined {
  const length = name.trim().length;
  return length >= 1 && length <= MAX_NAME_CHARACTERS
    ? undefined
    : `The name must have 1 to ${MAX_NAME_CHARACTERS} characters.`;
}

function checkThresholds(thresholds: readonly number[]): string | undefined {
  if (thresholds.length > MAX_THRESHOLDS) return `At most ${MAX_THRESHOLDS} thresholds are possible.`;
  const ascends = thresholds.every((value, index) => value > (thresholds[index - 1] ?? 0) && value <= 100);
  return ascends ? undefined : 'The thresholds must be percentages from 1 to 100, ascending, each once.';
}

function checkModels(models: readonly string[]): string | undefined {
  if (models.length === 0) return 'Name at least one model, or leave the member out for every model.';
  if (models.length > MAX_MODELS) return `At most ${MAX_MODELS} models are possible.`;
  const named = models.every((model) => model.trim() !== '' && model.length <= MAX_MODEL_CHARACTERS);
  return named ? undefined : `A model pattern must have 1 to ${MAX_MODEL_CHARACTERS} characters.`;
}

function checkGrace(minutes: number): string | undefined {
  return minutes >= 0 && minutes <= MAX_GRACE_MINUTES
    ? undefined
    : `The grace must be 0 to ${MAX_GRACE_MINUTES} minutes.`;
}

/** Checks every member that is there and answers every problem at once, or the members as the database keeps them. */
export function checkSettings(
  metric: BudgetMetric,
  input: BudgetSettings,
): { readonly problems: readonly BudgetProblem[]; readonly settings: CheckedSettings } {
  const problems: BudgetProblem[] = [];
  const check = (code: BudgetErrorCode, member: keyof BudgetSettings, message: string | undefined) => {
    if (message !== undefined) problems.push({ code, message, field: [member] });
  };
  if (input.name !== undefined) check('INVALID_NAME', 'name', checkName(input.name));
  if (input.thresholds !== undefined) {
    check('INVALID_THRESHOLDS', 'thresholds', checkThresholds(input.thresholds));
  }
  if (input.models != null) check('INVALID_MODELS', 'models', checkModels(input.models));
  if (input.graceMinutes !== undefined)
    check('INVALID_GRACE', 'graceMinutes', checkGrace(input.graceMinutes));
  const limit = input.limit === undefined ? undefined : parseLimit(metric, input.limit);
  if (limit?.ok === false) check('INVALID_LIMIT', 'limit', limit.error);
  return {
    problems,
    settings: {
      ...(input.name === undefined ? {} : { name: input.name.trim() }),
      ...(limit?.ok ? { limit: limit.value } : {}),
      ...(input.thresholds === undefined ? {} : { thresholds: input.thresholds }),
      ...(input.models === undefined ? {} : { models: input.models }),
      ...(input.graceMinutes === undefined ? {} : { graceMinutes: input.graceMinutes }),
    },
  };
}
