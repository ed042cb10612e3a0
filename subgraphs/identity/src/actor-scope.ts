import DataLoader from 'dataloader';
import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { createRowLoader, createRowsLoader } from '@weir/graphql/loader';
import type { Uuid } from '@weir/kernel/ids';
import type { Database } from '@weir/prisma/database';
import { withTenant, type TenantScope, type Transaction } from '@weir/prisma/tenant';
import type { Account } from './modules/accounts/account.ts';
import { createAccountCounts, type NodeCount } from './modules/accounts/account-counts.ts';
import { createAccountStore } from './modules/accounts/account-store.ts';
import type { ApiKey } from './modules/api-keys/api-key.ts';
import { createApiKeyStore } from './modules/api-keys/api-key-store.ts';
import { createInvitationStore } from './modules/members/invitation-store.ts';
import type { Invitation } from './modules/members/invitation.ts';
import {
  createMemberActivity,
  type LastSignIn,
  type MfaEnrollment,
} from './modules/members/member-activity.ts';
import { createMembershipStore } from './modules/members/membership-store.ts';
import type { Membership, PersonsMembership } from './modules/members/membership.ts';
import type { Model } from './modules/models/model.ts';
import { createModelStore } from './modules/models/model-store.ts';
import type { Organization } from './modules/organizations/organization.ts';
import { createOrganizationStore } from './modules/organizations/organization-store.ts';
import { createProviderKeyReports } from './modules/provider-keys/provider-key-reports.ts';
import { createProviderKeyStore } from './modules/provider-keys/provider-key-store.ts';
import type { ProviderKey, ProviderKeyState, ProviderKeyTest } from './modules/provider-keys/provider-key.ts';
import { createRoleStore, type RoleHolders } from './modules/roles/role-store.ts';
import type { User } from './modules/users/user.ts';
import { createUserStore } from './modules/users/user-store.ts';

/** Rows by id as the actor's transaction sees them: what row-level security hides loads as null. */
export interface Loaders {
  readonly organizations: DataLoader<Uuid, Organization | null>;
  readonly accounts: DataLoader<Uuid, Account | null>;
  /** Accounts directly below an account. */
  readonly childrenCounts: DataLoader<Uuid, number>;
  /** Accounts anywhere below an account. */
  readonly descendantsCounts: DataLoader<Account, number, Uuid>;
  readonly apiKeys: DataLoader<Uuid, ApiKey | null>;
  readonly models: DataLoader<Uuid, Model | null>;
  /** By name: the latest first. */
  readonly modelRevisions: DataLoader<string, readonly Model[]>;
  readonly providerKeys: DataLoader<Uuid, ProviderKey | null>;
  /** By provider key. */
  readonly providerKeyStates: DataLoader<Uuid, readonly ProviderKeyState[]>;
  readonly providerKeyTests: DataLoader<Uuid, ProviderKeyTest | null>;
  readonly users: DataLoader<Uuid, User | null>;
  /** By user: the oldest first. */
  readonly memberships: DataLoader<Uuid, readonly PersonsMembership[]>;
  readonly membershipsById: DataLoader<Uuid, Membership | null>;
  readonly invitations: DataLoader<Uuid, Invitation | null>;
  /** By membership: in its organization. */
  readonly lastSignIns: DataLoader<Uuid, LastSignIn | null>;
  /** By user: null for whoever has no second factor. */
  readonly mfaEnrollments: DataLoader<Uuid, MfaEnrollment | null>;
  /** By organization. */
  readonly roleHolders: DataLoader<Uuid, readonly RoleHolders[]>;
}

/** Who acts in an operation, and what was loaded for them and for nobody else. */
export interface ActorScope {
  readonly identity: InternalIdentity;
  readonly loaders: Loaders;
  /** From here on the operation acts as somebody else: signing in is the one thing that does this. */
  become(identity: InternalIdentity): void;
}

/** What the actor's transactions may see. */
export function tenantOf(identity: InternalIdentity): TenantScope {
  const { actor, organizationId } = identity;
  return { organizationId, userId: actor.type === 'user' ? actor.userId : null };
}

function createLoaders(db: Database, identity: InternalIdentity): Loaders {
  const byId = <Row extends { readonly id: Uuid }>(
    fetchAll: (tx: Transaction, ids: readonly Uuid[]) => Promise<readonly Row[]>,
  ) =>
    createRowLoader<Uuid, Row>(
      (ids) => withTenant(db, tenantOf(identity), (tx) => fetchAll(tx, ids)),
      (row) => row.id,
    );
  return {
    organizations: byId((tx, ids) => createOrganizationStore(tx).byIds(ids)),
    accounts: byId((tx, ids) => createAccountStore(tx).byIds(ids)),
    childrenCounts: new DataLoader(async (ids) => {
      const count = (tx: Transaction) => createAccountCounts(tx).children(ids);
      return inOrder(ids, await withTenant(db, tenantOf(identity), count));
    }),
    descendantsCounts: new DataLoader<Account, number, Uuid>(
      async (accounts) => {
        const count = (tx: Transaction) => createAccountCounts(tx).descendants(accounts);
        const ids = accounts.map(({ id }) => id);
        return inOrder(ids, await withTenant(db, tenantOf(identity), count));
      },
      { cacheKeyFn: ({ id }) => id },
    ),
    apiKeys: byId((tx, ids) => createApiKeyStore(tx).byIds(ids)),
    models: byId((tx, ids) => createModelStore(tx).byIds(ids)),
    modelRevisions: createRowsLoader<string, Model>(
      (names) => withTenant(db, tenantOf(identity), (tx) => createModelStore(tx).revisionsOf(names)),
      (model) => model.name,
    ),
    providerKeys: byId((tx, ids) => createProviderKeyStore(tx).byIds(ids)),
    providerKeyStates: createRowsLoader<Uuid, ProviderKeyState>(
      (ids) => withTenant(db, tenantOf(identity), (tx) => createProviderKeyReports(tx).statesOf(ids)),
      (state) => state.providerKeyId,
    ),
    providerKeyTests: createRowLoader<Uuid, ProviderKeyTest>(
      (ids) => withTenant(db, tenantOf(identity), (tx) => createProviderKeyReports(tx).testsOf(ids)),
      (test) => test.providerKeyId,
    ),
    users: byId((tx, ids) => createUserStore(tx).byIds(ids)),
    memberships: createRowsLoader<Uuid, PersonsMembership>(
      (userIds) => withTenant(db, tenantOf(identity), (tx) => createUserStore(tx).membershipsOfAll(userIds)),
      (membership) => membership.userId,
    ),
    membershipsById: byId((tx, ids) => createMembershipStore(tx).byIds(ids)),
    invitations: byId((tx, ids) => createInvitationStore(tx).byIds(ids)),
    lastSignIns: byId((tx, ids) => createMemberActivity(tx).lastSignIns(ids)),
    mfaEnrollments: byId((tx, ids) => createMemberActivity(tx).mfaEnrollments(ids)),
    roleHolders: createRowsLoader<Uuid, RoleHolders>(
      (ids) => withTenant(db, tenantOf(identity), (tx) => createRoleStore(tx).holders(ids)),
      (holders) => holders.organizationId,
    ),
  };
}

function inOrder(ids: readonly Uuid[], counts: readonly NodeCount[]): number[] {
  const byId = new Map(counts.map(({ id, count }) => [id, count]));
  return ids.map((id) => byId.get(id) ?? 0);
}

/** For one operation, or for one event of a subscription. */
export function createActorScope(db: Database, identity: InternalIdentity): ActorScope {
  let current = { identity, loaders: createLoaders(db, identity) };
  return {
    get identity() {
      return current.identity;
    },
    get loaders() {
      return current.loaders;
    },
    become(next) {
      current = { identity: next, loaders: createLoaders(db, next) };
    },
  };
}
