import type { InternalIdentity } from '@weir/contracts/internal-identity';
import type { AccessLists } from './modules/access/access-lists.ts';
import type { Account } from './modules/accounts/account.ts';
import type { AccountConflict } from './modules/accounts/account-move.ts';
import type { AuditEvent } from './modules/audit/audit-event.ts';
import type { ChainProblem, ChainVerification } from './modules/audit/audit-verification.ts';
import type { ApiKey } from './modules/api-keys/api-key.ts';
import type { Membership } from './modules/members/membership.ts';
import type { Model } from './modules/models/model.ts';
import type { Organization } from './modules/organizations/organization.ts';
import type { Routing } from './modules/routing/routing.ts';
import type { ProviderKey, ProviderKeyState, ProviderKeyTest } from './modules/provider-keys/provider-key.ts';
import type { Role } from './modules/roles/role.ts';
import type { User } from './modules/users/user.ts';

/** What resolvers return for a type of the schema; codegen finds them by name. */
export type AccessListsMapper = AccessLists;
export type AccountMapper = Account;
export type AccountConflictMapper = AccountConflict;
export type AuditActorMapper = AuditEvent;
export type AuditEventMapper = AuditEvent;
export type AuditProblemMapper = ChainProblem;
export type AuditTargetMapper = AuditEvent;
export type AuditVerificationMapper = ChainVerification;
export type ApiKeyMapper = ApiKey;
export type MembershipMapper = Membership;
export type ModelMapper = Model;
export type OrganizationMapper = Organization;
export type RoleMapper = Role;
export type RoutingMapper = Routing;
export type ProviderKeyMapper = ProviderKey;
export type ProviderKeyStateMapper = ProviderKeyState;
export type ProviderKeyTestResultMapper = ProviderKeyTest;
export type UserMapper = User;
/** Whoever acts, also right after having signed in. */
export type ViewerMapper = InternalIdentity;
