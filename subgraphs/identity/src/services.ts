import type { BoundedAudit } from '@weir/graphql/bounded-audit';
import type { Clock } from '@weir/kernel/clock';
import type { Database } from '@weir/prisma/database';
import type { OutboundGuard } from '@weir/service/outbound-guard';
import type { Logger } from '@weir/service/logger';
import type { MasterKey } from '@weir/service/vault';
import type { AfterAnswer } from './after-answer.ts';
import type { Services } from './context.ts';
import { createAccountService } from './modules/accounts/account-service.ts';
import { createAuditService } from './modules/audit/audit-service.ts';
import { createApiKeyService } from './modules/api-keys/api-key-service.ts';
import type { ExpiryFeed } from './modules/api-keys/expiry-feed.ts';
import type { QueueMail } from './modules/mail/queue-mail.ts';
import { createMemberService } from './modules/members/member-service.ts';
import { createImpersonationService } from './modules/impersonation/impersonation-service.ts';
import { createModelService } from './modules/models/model-service.ts';
import { createOrganizationService } from './modules/organizations/organization-service.ts';
import { createOAuthClientService } from './modules/oauth-clients/oauth-client-service.ts';
import type { OidcClients } from './modules/oidc/oidc-client.ts';
import { createOidcLinks } from './modules/oidc/oidc-link.ts';
import { createOidcProviderService } from './modules/oidc/oidc-provider-service.ts';
import { createOidcSignIn } from './modules/oidc/oidc-sign-in.ts';
import { createOneTimeTokens } from './modules/one-time-tokens/one-time-tokens.ts';
import { createPasskeyAssertions } from './modules/passkeys/passkey-assertions.ts';
import { createPasskeyService } from './modules/passkeys/passkey-service.ts';
import { relyingPartyOf } from './modules/passkeys/relying-party.ts';
import { createPlatformOrganizationService } from './modules/platform-organizations/platform-organization-service.ts';
import { createPlatformPeopleService } from './modules/platform-people/platform-people-service.ts';
import { createProviderKeyService } from './modules/provider-keys/provider-key-service.ts';
import type { ProviderProbe } from './modules/provider-keys/provider-probe.ts';
import { createSecondFactorService } from './modules/second-factors/second-factor-service.ts';
import { createSecondFactors } from './modules/second-factors/second-factors.ts';
import { createRoleService } from './modules/roles/role-service.ts';
import type { AccessTokens } from './modules/sessions/access-token.ts';
import { createAttempts } from './modules/sessions/attempts.ts';
import { createBeginSession } from './modules/sessions/begin-session.ts';
import { createSessionManagement } from './modules/sessions/session-management.ts';
import { createSignInAudit } from './modules/sessions/sign-in-audit.ts';
import { createSessionService } from './modules/sessions/session-service.ts';
import { createRateLimits } from './modules/rate-limits/rate-limits.ts';
import { createSignUpService } from './modules/sign-up/sign-up-service.ts';
import type { SigningKeyRotation } from './modules/sessions/signing-key-rotation.ts';
import { createEmailChangeService } from './modules/email-change/email-change-service.ts';
import { createPasswordService } from './modules/passwords/password-service.ts';
import { createLockedMail } from './modules/sessions/locked-mail.ts';
import { createPasswords } from './modules/users/password.ts';
import { createUserService } from './modules/users/user-service.ts';

/** What the services share. */
export interface ServiceDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly masterKey: MasterKey;
  readonly accessTokens: AccessTokens;
  readonly expiryFeed: ExpiryFeed;
  readonly guard: OutboundGuard;
  readonly probe: ProviderProbe;
  readonly refusals: BoundedAudit;
  readonly queueMail: QueueMail;
  readonly afterAnswer: AfterAnswer;
  readonly publicUrl: string;
  readonly clients: OidcClients;
  readonly log: Logger;
  readonly signingKeys: SigningKeyRotation;
}

/** Every service of the subgraph, each with what it needs of the others. */
export async function createServices({ expiryFeed, ...deps }: ServiceDeps): Promise<Services> {
  const { db, clock, masterKey, accessTokens, publicUrl, queueMail, afterAnswer } = deps;
  const passwords = await createPasswords();
  const attempts = createAttempts({ db, clock, onLocked: createLockedMail(deps) });
  const rateLimits = createRateLimits({ db, clock });
  const oneTimeTokens = createOneTimeTokens({ masterKey, clock });
  const relyingParty = relyingPartyOf(publicUrl);
  const passkeys = createPasskeyAssertions({ relyingParty, oneTimeTokens, clock });
  const secondFactors = createSecondFactors({ masterKey, clock, passkeys });
  const begin = createBeginSession(clock);
  const signInDeps = {
    db,
    clock,
    passwords,
    attempts,
    secondFactors,
    begin,
    afterAnswer,
    rateLimits,
    oneTimeTokens,
  };
  const recoveryDeps = { ...deps, ...signInDeps };
  const failures = createSignInAudit(deps);
  const sessions = createSessionService({ ...signInDeps, failures, accessTokens, masterKey });
  return {
    audit: createAuditService({ db, clock, publicUrl }),
    accounts: createAccountService({ db, clock }),
    apiKeys: createApiKeyService({ db, clock, masterKey }, expiryFeed),
    members: createMemberService({ db, clock, queueMail, passwords, rateLimits }),
    emailChanges: createEmailChangeService(recoveryDeps),
    models: createModelService({ db, clock }),
    passwords: createPasswordService(recoveryDeps),
    impersonations: createImpersonationService(deps),
    organizations: createOrganizationService({ db, clock }),
    platformOrganizations: createPlatformOrganizationService(deps),
    platformPeople: createPlatformPeopleService({ db }),
    oauthClients: createOAuthClientService({ db, clock }),
    oidcLinks: createOidcLinks(signInDeps),
    oidcProviders: createOidcProviderService(deps),
    oidcSignIn: createOidcSignIn({ ...deps, ...signInDeps, sessions }),
    passkeys: createPasskeyService({ ...signInDeps, passkeys, relyingParty, queueMail }),
    providerKeys: createProviderKeyService(deps),
    roles: createRoleService({ db, clock }),
    secondFactors: createSecondFactorService({ ...signInDeps, masterKey, queueMail }),
    sessionManagement: createSessionManagement({ db, clock }),
    signingKeys: deps.signingKeys,
    sessions,
    signUps: createSignUpService({ ...deps, passwords, rateLimits }),
    users: createUserService({ db }),
  };
}
