import type { Permission } from './permission-matrix.ts';

/** The thing acted on, which says what ids the caller must have in hand. */
type Thing = 'organization' | 'account' | 'apiKey' | 'budget';

/** An action demands a permission. */
interface ActionRow {
  readonly permission: Permission;
  /** Absent for what concerns the organization as a whole. */
  readonly on?: Thing;
}

/**
 * Everything that somebody may be permitted to do. Services name an action and pass its ids (`authorize`); nothing else
 * decides. Grouped by the thing acted on.
 */
export const ACTIONS = {
  'organization:read': { permission: 'org.read' },
  'organization:update': { permission: 'org.write' },
  'organization:delete': { permission: 'org.delete' },
  'support:consent': { permission: 'org.write' },
  'member:read': { permission: 'org.members.read' },
  'member:invite': { permission: 'org.members.invite' },
  'member:suspend': { permission: 'org.members.remove' },
  'member:remove': { permission: 'org.members.remove' },
  'member:updateRole': { permission: 'org.members.update_role' },
  'member:resetFactors': { permission: 'org.members.sessions' },
  'session:read': { permission: 'org.members.sessions' },
  'session:end': { permission: 'org.members.sessions' },
  'role:read': { permission: 'org.read' },
  'role:write': { permission: 'org.roles.write' },
  'oauthClient:read': { permission: 'apikey.read' },
  'oauthClient:create': { permission: 'apikey.create' },
  'oauthClient:rotate': { permission: 'apikey.rotate' },
  'oauthClient:revoke': { permission: 'apikey.revoke' },
  'signInProvider:read': { permission: 'org.read' },
  'signInProvider:write': { permission: 'org.sign_in.write' },
  'account:read': { permission: 'account.read' },
  'account:create': { permission: 'account.write' },
  'account:update': { permission: 'account.write', on: 'account' },
  'account:move': { permission: 'account.write', on: 'account' },
  'account:delete': { permission: 'account.write', on: 'account' },
  'apiKey:read': { permission: 'apikey.read' },
  'apiKey:create': { permission: 'apikey.create' },
  'apiKey:update': { permission: 'apikey.create', on: 'apiKey' },
  'apiKey:rotate': { permission: 'apikey.rotate', on: 'apiKey' },
  'apiKey:revoke': { permission: 'apikey.revoke', on: 'apiKey' },
  'providerKey:read': { permission: 'providerkey.read' },
  'providerKey:write': { permission: 'providerkey.write' },
  'routing:write': { permission: 'routing.write' },
  'model:write': { permission: 'model.write' },
  'budget:read': { permission: 'org.budget.read' },
  'budget:create': { permission: 'org.budget.write' },
  'budget:update': { permission: 'org.budget.write', on: 'budget' },
  'billing:read': { permission: 'org.billing.read' },
  'billing:write': { permission: 'org.billing.write' },
  'usage:read': { permission: 'usage.read' },
  'audit:read': { permission: 'audit.read' },
} as const satisfies Readonly<Record<string, ActionRow>>;

export type Action = keyof typeof ACTIONS;
