import type { CreateContext, OperationContext } from '@weir/graphql/subgraph-context';
import type { Clock } from '@weir/kernel/clock';
import type { Database } from '@weir/prisma/database';
import { createActorScope, type ActorScope } from './actor-scope.ts';
import type { AccountService } from './modules/accounts/account-service.ts';
import type { AuditService } from './modules/audit/audit-service.ts';
import type { ApiKeyService } from './modules/api-keys/api-key-service.ts';
import type { MemberService } from './modules/members/member-service.ts';
import type { EmailChangeService } from './modules/email-change/email-change-service.ts';
import type { PasswordService } from './modules/passwords/password-service.ts';
import type { ModelService } from './modules/models/model-service.ts';
import type { ImpersonationService } from './modules/impersonation/impersonation-service.ts';
import type { OrganizationService } from './modules/organizations/organization-service.ts';
import type { OAuthClientService } from './modules/oauth-clients/oauth-client-service.ts';
import type { OidcLinks } from './modules/oidc/oidc-link.ts';
import type { OidcProviderService } from './modules/oidc/oidc-provider-service.ts';
import type { OidcSignIn } from './modules/oidc/oidc-sign-in.ts';
import type { PasskeyService } from './modules/passkeys/passkey-service.ts';
import type { PlatformPeopleService } from './modules/platform-people/platform-people-service.ts';
import type { PlatformOrganizationService } from './modules/platform-organizations/platform-organization-service.ts';
import type { ProviderKeyService } from './modules/provider-keys/provider-key-service.ts';
import type { SecondFactorService } from './modules/second-factors/second-factor-service.ts';
import type { RoleService } from './modules/roles/role-service.ts';
import type { SignUpService } from './modules/sign-up/sign-up-service.ts';
import type { SessionManagement } from './modules/sessions/session-management.ts';
import type { SigningKeyRotation } from './modules/sessions/signing-key-rotation.ts';
import type { SessionService } from './modules/sessions/session-service.ts';
import type { UserService } from './modules/users/user-service.ts';

export interface Services {
  readonly audit: AuditService;
  readonly accounts: AccountService;
  readonly apiKeys: ApiKeyService;
  readonly members: MemberService;
  readonly emailChanges: EmailChangeService;
  readonly passwords: PasswordService;
  readonly models: ModelService;
  readonly impersonations: ImpersonationService;
  readonly organizations: OrganizationService;
  readonly oauthClients: OAuthClientService;
  readonly oidcLinks: OidcLinks;
  readonly oidcProviders: OidcProviderService;
  readonly oidcSignIn: OidcSignIn;
  readonly passkeys: PasskeyService;
  readonly platformPeople: PlatformPeopleService;
  readonly platformOrganizations: PlatformOrganizationService;
  readonly providerKeys: ProviderKeyService;
  readonly secondFactors: SecondFactorService;
  readonly roles: RoleService;
  readonly sessionManagement: SessionManagement;
  readonly sessions: SessionService;
  readonly signingKeys: SigningKeyRotation;
  readonly signUps: SignUpService;
  readonly users: UserService;
}

/** What resolvers of this subgraph work with. */
export interface Context extends OperationContext {
  readonly services: Services;
  readonly clock: Clock;
  /** Where browsers reach the platform. */
  readonly publicUrl: string;
  /** Who acts, with rows loaded for them alone. */
  readonly scope: ActorScope;
}

export interface ContextDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly services: Services;
  readonly publicUrl: string;
}

export function createContextFactory({
  db,
  clock,
  services,
  publicUrl,
}: ContextDeps): CreateContext<Context> {
  return (operation) => ({
    ...operation,
    services,
    clock,
    publicUrl,
    scope: createActorScope(db, operation.identity),
  });
}
