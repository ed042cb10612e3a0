import type { Resolvers } from './generated/resolvers-types.ts';
import { accessResolvers } from './modules/access/resolvers.ts';
import { accountResolvers } from './modules/accounts/resolvers.ts';
import { auditResolvers } from './modules/audit/resolvers.ts';
import { apiKeyResolvers } from './modules/api-keys/resolvers.ts';
import { memberResolvers } from './modules/members/resolvers.ts';
import { impersonationResolvers } from './modules/impersonation/resolvers.ts';
import { modelResolvers } from './modules/models/resolvers.ts';
import { organizationResolvers } from './modules/organizations/resolvers.ts';
import { roleResolvers } from './modules/roles/resolvers.ts';
import { organizationSettingsResolvers } from './modules/organization-settings/resolvers.ts';
import { platformOrganizationResolvers } from './modules/platform-organizations/resolvers.ts';
import { platformPeopleResolvers } from './modules/platform-people/resolvers.ts';
import { routingResolvers } from './modules/routing/resolvers.ts';
import { providerKeyResolvers } from './modules/provider-keys/resolvers.ts';
import { secondFactorResolvers } from './modules/second-factors/resolvers.ts';
import { oauthClientResolvers } from './modules/oauth-clients/resolvers.ts';
import { oidcResolvers } from './modules/oidc/resolvers.ts';
import { passkeyResolvers } from './modules/passkeys/resolvers.ts';
import { emailChangeResolvers } from './modules/email-change/resolvers.ts';
import { passwordResolvers } from './modules/passwords/resolvers.ts';
import { serviceAccountResolvers } from './modules/service-accounts/resolvers.ts';
import { signingKeyResolvers } from './modules/signing-keys/resolvers.ts';
import { sessionResolvers } from './modules/sessions/resolvers.ts';
import { signUpResolvers } from './modules/sign-up/resolvers.ts';
import { userResolvers } from './modules/users/resolvers.ts';

/** The features' resolvers together; several of them add fields to one type. */
export const resolvers: Resolvers = {
  Query: {
    ...memberResolvers.Query,
    ...oidcResolvers.Query,
    ...accountResolvers.Query,
    ...organizationResolvers.Query,
    ...platformOrganizationResolvers.Query,
    ...signingKeyResolvers.Query,
    ...userResolvers.Query,
    ...auditResolvers.Query,
  },
  Mutation: {
    ...auditResolvers.Mutation,
    ...accountResolvers.Mutation,
    ...serviceAccountResolvers.Mutation,
    ...apiKeyResolvers.Mutation,
    ...organizationResolvers.Mutation,
    ...memberResolvers.Mutation,
    ...organizationSettingsResolvers.Mutation,
    ...impersonationResolvers.Mutation,
    ...platformOrganizationResolvers.Mutation,
    ...platformPeopleResolvers.Mutation,
    ...modelResolvers.Mutation,
    ...providerKeyResolvers.Mutation,
    ...oauthClientResolvers.Mutation,
    ...oidcResolvers.Mutation,
    ...passkeyResolvers.Mutation,
    ...secondFactorResolvers.Mutation,
    ...roleResolvers.Mutation,
    ...emailChangeResolvers.Mutation,
    ...passwordResolvers.Mutation,
    ...sessionResolvers.Mutation,
    ...signingKeyResolvers.Mutation,
    ...signUpResolvers.Mutation,
  },
  Subscription: apiKeyResolvers.Subscription,
  Organization: {
    ...auditResolvers.Organization,
    ...oauthClientResolvers.Organization,
    ...oidcResolvers.Organization,
    ...organizationResolvers.Organization,
    ...organizationSettingsResolvers.Organization,
    ...impersonationResolvers.Organization,
    ...accountResolvers.Organization,
    ...serviceAccountResolvers.Organization,
    ...apiKeyResolvers.Organization,
    ...memberResolvers.Organization,
    ...modelResolvers.Organization,
    ...providerKeyResolvers.Organization,
    ...roleResolvers.Organization,
  },
  AuditActor: auditResolvers.AuditActor,
  AuditEvent: auditResolvers.AuditEvent,
  AuditExport: auditResolvers.AuditExport,
  AuditProblem: auditResolvers.AuditProblem,
  AuditTarget: auditResolvers.AuditTarget,
  AuditVerification: auditResolvers.AuditVerification,
  AccessLists: accessResolvers.AccessLists,
  Account: { ...accountResolvers.Account, ...apiKeyResolvers.Account },
  AccountConflict: accountResolvers.AccountConflict,
  ApiKey: apiKeyResolvers.ApiKey,
  Invitation: memberResolvers.Invitation,
  Membership: { ...memberResolvers.Membership, ...sessionResolvers.Membership },
  Model: modelResolvers.Model,
  Role: roleResolvers.Role,
  Impersonation: impersonationResolvers.Impersonation,
  OrganizationChange: organizationResolvers.OrganizationChange,
  OrganizationSettings: organizationSettingsResolvers.OrganizationSettings,
  Routing: routingResolvers.Routing,
  OAuthClient: oauthClientResolvers.OAuthClient,
  OidcProvider: oidcResolvers.OidcProvider,
  Passkey: passkeyResolvers.Passkey,
  PasskeyAuthenticationResponse: passkeyResolvers.PasskeyAuthenticationResponse,
  PasskeyCreationOptions: passkeyResolvers.PasskeyCreationOptions,
  PasskeyRegistrationResponse: passkeyResolvers.PasskeyRegistrationResponse,
  PasskeyRequestOptions: passkeyResolvers.PasskeyRequestOptions,
  SecondFactors: passkeyResolvers.SecondFactors,
  PlatformPerson: platformPeopleResolvers.PlatformPerson,
  ProviderKey: providerKeyResolvers.ProviderKey,
  ProviderKeyConfig: providerKeyResolvers.ProviderKeyConfig,
  User: userResolvers.User,
  Viewer: {
    ...impersonationResolvers.Viewer,
    ...userResolvers.Viewer,
    ...secondFactorResolvers.Viewer,
    ...oauthClientResolvers.Viewer,
    ...sessionResolvers.Viewer,
  },
  Session: sessionResolvers.Session,
  SigningKey: signingKeyResolvers.SigningKey,
};
