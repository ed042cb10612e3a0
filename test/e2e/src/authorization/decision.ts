import { ACTIONS, type Action } from '@weir/contracts/actions';
import type { FieldAccess, FieldRule } from '@weir/contracts/field-access';
import { PLATFORM_ACTIONS, type PlatformAction } from '@weir/contracts/platform-matrix';
import type { GraphqlAnswer } from '../graphql.ts';
import type { Actor } from './actors.ts';

/**
 * What came of asking. `empty` is a null or an empty list of a thing that is there, which both say; `broken` is an answer that
 * no request should get.
 */
export type Outcome =
  'allowed' | 'empty' | 'unauthenticated' | 'forbidden' | 'hidden' | 'notForPrograms' | 'broken';

interface Payload {
  readonly userErrors?: readonly { readonly code?: string }[];
}

const BY_CODE: Readonly<Record<string, Outcome>> = {
  UNAUTHENTICATED: 'unauthenticated',
  FORBIDDEN: 'forbidden',
  NOT_FOUND: 'hidden',
};

const PROGRAM_CODES = ['NOT_A_PERSON', 'NOT_A_SESSION'];

function outcomeOfPayload({ userErrors = [] }: Payload): Outcome {
  const codes = userErrors.map(({ code = '' }) => code);
  if (codes.some((code) => PROGRAM_CODES.includes(code))) return 'notForPrograms';
  return codes.some((code) => /(^|_)NOT_FOUND$/.test(code)) ? 'hidden' : 'allowed';
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** @param path From the data down to the field under test; a null on the way hides it. */
export function outcomeOf({ data, errors }: GraphqlAnswer, path: readonly string[]): Outcome {
  const [error] = errors ?? [];
  if (error) return BY_CODE[error.extensions?.code ?? ''] ?? 'broken';
  let value: unknown = data;
  for (const [index, name] of path.entries()) {
    value = isObject(value) ? value[name] : null;
    if (Array.isArray(value) && index < path.length - 1) value = (value as unknown[])[0];
    const isFieldOfThing = index > 0 && index === path.length - 1;
    if (value === null || value === undefined) return isFieldOfThing ? 'empty' : 'hidden';
  }
  if (Array.isArray(value) && value.length === 0) return 'empty';
  return isObject(value) ? outcomeOfPayload(value) : 'allowed';
}

const isAction = (access: FieldAccess): access is Action => Object.hasOwn(ACTIONS, access);
const isPlatformAction = (access: FieldAccess): access is PlatformAction =>
  Object.hasOwn(PLATFORM_ACTIONS, access);

/** Whether the person operates the platform and may do this to any organization. */
const operates = (permissions: Actor['permissions'], rule: FieldRule): boolean =>
  [rule].flat().some((access) => isPlatformAction(access) && permissions.includes(PLATFORM_ACTIONS[access]));

/** What the first of several accesses demands decides about whoever has none of the others. */
const firstOf = (rule: FieldRule): FieldAccess => [rule].flat()[0] ?? 'anyone';

/**
 * What the tables say must come of it.
 * @param needed Everything on the way to the field, and the field's own.
 * @param isOwn Whether the things named are of the actor's organization.
 */
export function expectedOf(
  { kind, permissions }: Actor,
  needed: readonly FieldRule[],
  isOwn: boolean,
): readonly Outcome[] {
  const all = needed.map(firstOf);
  if (kind === 'nobody') {
    if (all.every((access) => access === 'anyone')) return ['allowed', 'empty'];
    // Nobody is no viewer, which is an answer and not an error.
    return needed.length > 0 && all.every((access) => access === 'signedIn')
      ? ['hidden', 'unauthenticated']
      : ['unauthenticated'];
  }
  if (kind === 'program' && all.includes('person')) return ['notForPrograms', 'hidden', 'forbidden'];
  const left = needed.filter((rule) => !operates(permissions, rule)).map(firstOf);
  if (left.some(isPlatformAction)) return ['forbidden'];
  const bound = left.filter(isAction);
  const lacks = bound.some((access) => !permissions.includes(ACTIONS[access].permission));
  const isMember = permissions.includes('org.read');
  if (bound.length > 0 && (!isOwn || !isMember)) {
    return lacks ? ['hidden', 'empty', 'forbidden'] : ['hidden', 'empty'];
  }
  if (lacks) return ['forbidden'];
  // Somebody may have none of what is their own.
  return all.includes('person') ? ['allowed', 'empty', 'hidden'] : ['allowed', 'empty'];
}
