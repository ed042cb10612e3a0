import type { Permission } from '@weir/contracts/internal-identity';
import { userError, type UserErrorValue } from '@weir/graphql/user-errors';
import type { ApiKeyErrorCode } from '../../generated/resolvers-types.ts';
import { firstNotGrantable, isScope, SCOPES, type Scope } from './scope.ts';

const NAME_LENGTH_MAX = 100;
/** A key that expires while its maker still copies it is a mistake. */
const LIFE_MS_MIN = 60_000;

export type ApiKeyProblem = UserErrorValue<ApiKeyErrorCode>;

export interface ApiKeyDraft {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly expiresAt: Date | null;
}

export interface CheckedApiKeyDraft {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt: Date | null;
}

export type Checked =
  | { readonly ok: true; readonly value: CheckedApiKeyDraft }
  | { readonly ok: false; readonly error: readonly ApiKeyProblem[] };

function problemsOfScopes(scopes: readonly string[], held: readonly Permission[]): ApiKeyProblem[] {
  if (scopes.length === 0) return [userError('INVALID_SCOPES', 'Give the key at least one scope.', 'scopes')];
  const unknown = scopes.find((scope) => !isScope(scope));
  if (unknown !== undefined) {
    const message = `${JSON.stringify(unknown.slice(0, 64))} is no scope. Scopes are ${SCOPES.join(', ')}.`;
    return [userError('INVALID_SCOPES', message, 'scopes')];
  }
  const denied = firstNotGrantable(scopes.filter(isScope), held);
  if (denied === undefined) return [];
  return [
    userError('SCOPE_NOT_GRANTABLE', `The scope ${denied} grants more than you may do yourself.`, 'scopes'),
  ];
}

/**
 * What a draft breaks, all at once; otherwise the draft with its name trimmed and no scope twice.
 * @param held What the creator may do: nobody can make a key that may do more.
 */
export function checkApiKey(draft: ApiKeyDraft, held: readonly Permission[], nowMs: number): Checked {
  const name = draft.name.trim();
  const problems = problemsOfScopes(draft.scopes, held);
  if (name === '' || name.length > NAME_LENGTH_MAX || /\p{Cc}/u.test(name)) {
    problems.push(
      userError('INVALID_NAME', `The name must have 1 to ${NAME_LENGTH_MAX} printable characters.`, 'name'),
    );
  }
  if (draft.expiresAt !== null && draft.expiresAt.getTime() < nowMs + LIFE_MS_MIN) {
    problems.push(userError('INVALID_EXPIRY', 'The expiry must be at least a minute from now.', 'expiresAt'));
  }
  if (problems.length > 0) return { ok: false, error: problems };
  const scopes = SCOPES.filter((scope) => draft.scopes.includes(scope));
  return { ok: true, value: { name, scopes, expiresAt: draft.expiresAt } };
}
