import {
  isScope,
  permissionsOfKey,
  SCOPES,
  type Permission,
  type Scope,
} from '@weir/contracts/permission-matrix';
import { userError, type UserErrorValue } from '@weir/graphql/user-errors';
import { DISPLAY_NAME_RULE, parseDisplayName } from '../../display-name.ts';
import type { ApiKeyErrorCode } from '../../generated/resolvers-types.ts';
import { changeAccess, type AccessChange, type BindingNode } from '../access/access-change.ts';
import type { ApiKey, DisconnectPolicy, Environment } from './api-key.ts';
import type { ApiKeySettings } from './api-key-record.ts';

/** A key that expires while its maker still copies it is a mistake. */
const LIFE_MS_MIN = 60_000;

export type ApiKeyProblem = UserErrorValue<ApiKeyErrorCode>;

export interface ApiKeyDraft {
  readonly name: string;
  readonly scopes: readonly string[];
  /** Null: it does not expire. Undefined: as long as the organization has chosen for new keys. */
  readonly expiresAt?: Date | null | undefined;
}

/** What people change of a key; undefined leaves a member as it is. */
export interface ApiKeyChange extends AccessChange {
  readonly disconnectPolicy?: DisconnectPolicy | undefined;
  readonly environment?: Environment | undefined;
  readonly requiresSignature?: boolean | undefined;
  readonly scopes?: readonly string[] | undefined;
  /** Null: it does not expire. */
  readonly expiresAt?: Date | null | undefined;
}

/** Who changes a key, and when. */
export interface Changer {
  /** Nobody can make a key that may do more than they may themselves. */
  readonly held: readonly Permission[];
  /** Whether the key belongs to the root account. */
  readonly isOfRoot: boolean;
  readonly nowMs: number;
}

type Checked<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: readonly ApiKeyProblem[] };

/**
 * The settings of a key after a change, or everything that is wrong with it.
 * @param above What binds the key, the nearest first.
 */
export function checkApiKeyChange(
  current: ApiKeySettings & Pick<ApiKey, 'hasSigningSecret'>,
  change: ApiKeyChange,
  above: readonly BindingNode[],
  { nowMs, ...grantor }: Changer,
): Checked<ApiKeySettings> {
  const access = changeAccess(current, change, above);
  const requiresSignature = change.requiresSignature ?? current.requiresSignature;
  const problems: ApiKeyProblem[] = [
    ...(change.scopes === undefined ? [] : problemsOfScopes(change.scopes, grantor)),
    ...(change.expiresAt === undefined ? [] : problemsOfExpiry(change.expiresAt, nowMs)),
    ...(access.ok ? [] : access.error),
  ];
  if (requiresSignature && !current.hasSigningSecret) {
    const message = 'The key has no signing secret yet: make one with apiKeySigningSecretCreate.';
    problems.push(userError('NO_SIGNING_SECRET', message, 'requiresSignature'));
  }
  if (problems.length > 0 || !access.ok) return { ok: false, error: problems };
  return {
    ok: true,
    value: {
      ...access.value,
      scopes: change.scopes === undefined ? current.scopes : orderedScopes(change.scopes),
      expiresAt: change.expiresAt === undefined ? current.expiresAt : change.expiresAt,
      disconnectPolicy: change.disconnectPolicy ?? current.disconnectPolicy,
      environment: change.environment ?? current.environment,
      requiresSignature,
    },
  };
}

/** The first scope that gives the key more than whoever changes it may do, if any. */
function firstNotGrantable(
  scopes: readonly Scope[],
  { held, isOfRoot }: Omit<Changer, 'nowMs'>,
): Scope | undefined {
  return scopes.find((scope) =>
    permissionsOfKey([scope], isOfRoot).some((permission) => !held.includes(permission)),
  );
}

export function problemsOfScopes(
  scopes: readonly string[],
  grantor: Omit<Changer, 'nowMs'>,
): ApiKeyProblem[] {
  if (scopes.length === 0) return [userError('INVALID_SCOPES', 'Give the key at least one scope.', 'scopes')];
  const unknown = scopes.find((scope) => !isScope(scope));
  if (unknown !== undefined) {
    const message = `${JSON.stringify(unknown.slice(0, 64))} is no scope. Scopes are ${SCOPES.join(', ')}.`;
    return [userError('INVALID_SCOPES', message, 'scopes')];
  }
  const denied = firstNotGrantable(scopes.filter(isScope), grantor);
  if (denied === undefined) return [];
  return [
    userError('SCOPE_NOT_GRANTABLE', `The scope ${denied} grants more than you may do yourself.`, 'scopes'),
  ];
}

export function problemsOfExpiry(expiresAt: Date | null, nowMs: number): ApiKeyProblem[] {
  if (expiresAt === null || expiresAt.getTime() >= nowMs + LIFE_MS_MIN) return [];
  return [userError('INVALID_EXPIRY', 'The expiry must be at least a minute from now.', 'expiresAt')];
}

export function problemsOfName(name: string): ApiKeyProblem[] {
  return parseDisplayName(name) === undefined ? [userError('INVALID_NAME', DISPLAY_NAME_RULE, 'name')] : [];
}

/** Each once, in one order. */
function orderedScopes(scopes: readonly string[]): readonly Scope[] {
  return SCOPES.filter((scope) => scopes.includes(scope));
}
