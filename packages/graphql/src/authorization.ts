import { ACTIONS, type Action } from '@weir/contracts/actions';
import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { assertNever } from '@weir/kernel/assert-never';
import { AppError } from '@weir/kernel/errors';
import { encodeId, type Uuid } from '@weir/kernel/ids';

export interface InOrganization {
  readonly organizationId: Uuid;
}
export interface OnAccount extends InOrganization {
  readonly accountId: Uuid;
}
export interface OnApiKey extends InOrganization {
  readonly apiKeyId: Uuid;
}
export interface OnBudget extends InOrganization {
  readonly budgetId: Uuid;
}

/** The ids that the caller must have in hand for an action on each kind of thing. */
interface ParamsOn {
  readonly account: OnAccount;
  readonly apiKey: OnApiKey;
  readonly budget: OnBudget;
}

export type ActionParams<A extends Action> = (typeof ACTIONS)[A] extends {
  readonly on: infer Thing extends keyof ParamsOn;
}
  ? ParamsOn[Thing]
  : InOrganization;

/** Somebody who has signed in, as a person or as a machine with an API key. */
export type SignedInActor = Exclude<InternalIdentity['actor'], { readonly type: 'anonymous' }>;

/** The public id of the person, key or client. */
export function idOfActor(actor: SignedInActor): string {
  switch (actor.type) {
    case 'user':
      return encodeId('user', actor.userId);
    case 'apiKey':
      return encodeId('apiKey', actor.apiKeyId);
    case 'client':
      return encodeId('oauthClient', actor.clientId);
  }
}

export type Decision = 'allowed' | 'unauthenticated' | 'hidden' | 'forbidden';

/**
 * The whole rule. What belongs to another organization is hidden rather than forbidden: a refusal would confirm that
 * it exists. Within one's own organization a missing permission is said plainly.
 */
export function decide<A extends Action>(
  identity: InternalIdentity,
  name: A,
  params: ActionParams<A>,
): Decision {
  if (identity.actor.type === 'anonymous') return 'unauthenticated';
  if (identity.organizationId !== params.organizationId) return 'hidden';
  return identity.permissions.includes(ACTIONS[name].permission) ? 'allowed' : 'forbidden';
}

/** The actor, when there is one. @throws AppError UNAUTHENTICATED for an anonymous caller. */
export function requireSignedIn(identity: Pick<InternalIdentity, 'actor'>): SignedInActor {
  if (identity.actor.type === 'anonymous') {
    throw new AppError('UNAUTHENTICATED', 'Sign in first: send an access token or an API key.');
  }
  return identity.actor;
}

/** Errors that stand for something of another organization; to clients they look like any other absence. */
const hidingErrors = new WeakSet<AppError>();

function hiding(name: Action): AppError {
  const error = new AppError('NOT_FOUND', 'There is nothing with this id.', {
    message: `${name} in another organization`,
  });
  hidingErrors.add(error);
  return error;
}

/** Whether it was thrown for something that is there and belongs to another organization. */
export function isHiding(error: AppError): boolean {
  return hidingErrors.has(error);
}

/**
 * Returns who acts when the action is permitted.
 * @throws AppError UNAUTHENTICATED, NOT_FOUND (another organization's ids look absent) or FORBIDDEN.
 */
export function authorize<A extends Action>(
  identity: InternalIdentity,
  name: A,
  params: ActionParams<A>,
): SignedInActor {
  const decision = decide(identity, name, params);
  switch (decision) {
    case 'allowed':
      return requireSignedIn(identity);
    case 'unauthenticated':
      return requireSignedIn(identity);
    case 'hidden':
      throw hiding(name);
    case 'forbidden':
      throw new AppError('FORBIDDEN', `This needs the permission ${ACTIONS[name].permission}.`, {
        details: { action: name, permission: ACTIONS[name].permission },
      });
    default:
      return assertNever(decision);
  }
}

/**
 * For lookups that answer null: false when the thing belongs to another organization, so that it looks absent.
 * @throws AppError UNAUTHENTICATED or FORBIDDEN as `authorize` does.
 */
export function canSee<A extends Action>(
  identity: InternalIdentity,
  name: A,
  params: ActionParams<A>,
): boolean {
  if (decide(identity, name, params) === 'hidden') return false;
  authorize(identity, name, params);
  return true;
}
