import type { InternalIdentity, Permission } from '@weir/contracts/internal-identity';
import { assertNever } from '@weir/kernel/assert-never';
import { AppError } from '@weir/kernel/errors';
import type { Uuid } from '@weir/kernel/ids';

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

/** An action demands a permission and says, by its parameter type, which ids the caller must have in hand. */
interface ActionDefinition<Params extends InOrganization> {
  readonly permission: Permission;
  /** Carries the parameter type only; it has no value. */
  readonly params?: Params;
}

function action<Params extends InOrganization = InOrganization>(
  permission: Permission,
): ActionDefinition<Params> {
  return { permission };
}

/**
 * Everything that somebody may be permitted to do. Services name an action and pass its ids; nothing else decides.
 * Grouped by the thing acted on, so that a permission matrix can be printed from it.
 */
export const ACTIONS = {
  'organization:read': action('org.read'),
  'organization:update': action('org.write'),
  'organization:delete': action('org.delete'),
  'member:read': action('org.members.read'),
  'member:invite': action('org.members.invite'),
  'member:remove': action('org.members.remove'),
  'member:updateRole': action('org.members.update_role'),
  'account:read': action('account.read'),
  'account:create': action('account.write'),
  'account:update': action<OnAccount>('account.write'),
  'apiKey:read': action('apikey.read'),
  'apiKey:create': action('apikey.create'),
  'apiKey:update': action<OnApiKey>('apikey.create'),
  'apiKey:rotate': action<OnApiKey>('apikey.rotate'),
  'apiKey:revoke': action<OnApiKey>('apikey.revoke'),
  'providerKey:read': action('providerkey.read'),
  'providerKey:write': action('providerkey.write'),
  'routing:write': action('routing.write'),
  'budget:read': action('org.budget.read'),
  'budget:create': action('org.budget.write'),
  'budget:update': action<OnBudget>('org.budget.write'),
  'billing:read': action('org.billing.read'),
  'billing:write': action('org.billing.write'),
  'usage:read': action('usage.read'),
  'audit:read': action('audit.read'),
} as const;

export type Action = keyof typeof ACTIONS;
export type ActionParams<A extends Action> =
  (typeof ACTIONS)[A] extends ActionDefinition<infer Params> ? Params : never;

/** Somebody who has signed in, as a person or as a machine with an API key. */
export type SignedInActor = Exclude<InternalIdentity['actor'], { readonly type: 'anonymous' }>;

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
      throw new AppError('NOT_FOUND', 'There is nothing with this id.');
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
