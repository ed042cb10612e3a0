import { userError, type UserErrorValue } from '@weir/graphql/user-errors';
import type { ModelErrorCode } from '../../generated/resolvers-types.ts';
import { namesOf, type Model, type ModelSettings } from './model.ts';

export type ModelProblem = UserErrorValue<ModelErrorCode>;

const NAME_LENGTH_MAX = 256;
const NAMES_MAX = 50;
const TOKENS_MAX = 2_147_483_647;
const TIER_MAX = 1_000;

/** Requests, mappers and access lists name models, where a `*` would be a pattern and a comma a separator. */
function isName(text: string): boolean {
  return text.length <= NAME_LENGTH_MAX && /^[^\s\p{Cc}*,=]+$/u.test(text);
}

export function problemsOfName(name: string): ModelProblem[] {
  return isName(name) ? [] : [userError('INVALID_NAME', NAME_RULE, 'name')];
}

const NAME_RULE = `A name must have 1 to ${NAME_LENGTH_MAX} characters, without spaces, commas, "=" and "*".`;

/** Everything that the settings break, each with its member; absent ones are not checked. */
export function problemsOfModel(settings: Partial<ModelSettings>): ModelProblem[] {
  const problems: ModelProblem[] = [];
  for (const member of ['aliases', 'snapshots'] as const) {
    const names = settings[member] ?? [];
    if (names.length > NAMES_MAX) {
      problems.push(userError('INVALID_NAME', `At most ${NAMES_MAX} are possible.`, member));
    } else if (!names.every(isName)) problems.push(userError('INVALID_NAME', NAME_RULE, member));
    else if (new Set(names).size < names.length) {
      problems.push(userError('INVALID_NAME', 'Each name may appear once.', member));
    }
  }
  const { contextTokens = 1, maxOutputTokens = 0, minTier = 0, environments } = settings;
  if (contextTokens < 1 || contextTokens > TOKENS_MAX) {
    problems.push(userError('INVALID_TOKENS', 'There must be room for at least one token.', 'contextTokens'));
  }
  if (maxOutputTokens < 0) {
    const message = 'The output limit must be 0 (answers that are not made of tokens) or more.';
    problems.push(userError('INVALID_TOKENS', message, 'maxOutputTokens'));
  }
  if (minTier < 0 || minTier > TIER_MAX) {
    problems.push(userError('INVALID_TIER', `The tier must be 0 to ${TIER_MAX}.`, 'minTier'));
  }
  if (environments?.length === 0) {
    const message = 'A revision is offered in at least one environment; to offer it nowhere, disable it.';
    problems.push(userError('INVALID_ENVIRONMENTS', message, 'environments'));
  }
  return problems;
}

/**
 * A request must never be able to mean two models. Revisions of one model share their names.
 * @param others Every model that the organization sees.
 */
export function collisionsOf(
  model: Pick<Model, 'name' | 'aliases' | 'snapshots'>,
  others: readonly Pick<Model, 'name' | 'aliases' | 'snapshots'>[],
): ModelProblem[] {
  const owners = new Map<string, string>();
  for (const other of others) {
    if (other.name === model.name) continue;
    for (const name of namesOf(other)) owners.set(name, other.name);
  }
  const problemOf = (member: 'name' | 'aliases' | 'snapshots', names: readonly string[]): ModelProblem[] => {
    const taken = names.find((name) => owners.has(name));
    if (taken === undefined) return [];
    const message = `${JSON.stringify(taken)} already means the model ${JSON.stringify(owners.get(taken))}.`;
    return [userError('NAME_TAKEN', message, member)];
  };
  return [
    ...problemOf('name', [model.name]),
    ...problemOf('aliases', model.aliases),
    ...problemOf('snapshots', model.snapshots),
  ];
}
