import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSchema } from 'graphql';
import { describe, expect, it } from 'vitest';
import type { AuditAction } from '@weir/contracts/audit';

const root = join(import.meta.dirname, '../..');

/** What each mutation writes to the audit trail when it does something. */
const RECORDED: Readonly<Record<string, readonly AuditAction[]>> = {
  accountActivate: ['account.activate'],
  accountCreate: ['account.create'],
  accountDelete: ['account.delete'],
  accountMove: ['account.move'],
  accountSubtreeUpdate: ['account.update_subtree'],
  accountSuspend: ['account.suspend'],
  accountUpdate: ['account.update'],
  apiKeyCreate: ['apikey.create'],
  apiKeyRevoke: ['apikey.revoke'],
  apiKeyRotate: ['apikey.rotate'],
  apiKeySigningSecretCreate: ['apikey.signing_secret.create'],
  apiKeySigningSecretRemove: ['apikey.signing_secret.delete'],
  apiKeyUpdate: ['apikey.update'],
  auditExport: ['audit.export', 'audit.download'],
  auditVerify: ['audit.verify'],
  budgetCreate: ['budget.create'],
  budgetUpdate: ['budget.update'],
  creditEnforcementSet: ['credit.enforce'],
  creditGrant: ['credit.grant'],
  emailChangeConfirm: ['auth.email.change'],
  emailChangeRequest: ['auth.email.change_request'],
  emailVerificationResend: ['auth.verification_resend'],
  emailVerify: ['org.create', 'auth.activate'],
  impersonationStart: ['support.impersonation.start'],
  impersonationStop: ['support.impersonation.stop'],
  invitationAccept: ['invitation.accept'],
  invitationResend: ['invitation.resend'],
  invitationRevoke: ['invitation.revoke'],
  memberInvite: ['invitation.create'],
  memberLeave: ['member.leave'],
  memberReactivate: ['member.reactivate'],
  memberRemove: ['member.remove'],
  memberRoleSet: ['member.update_role'],
  memberSecondFactorsReset: ['mfa.reset'],
  memberSuspend: ['member.suspend'],
  modelDelete: ['model.delete'],
  modelDisable: ['model.disable'],
  modelEnable: ['model.enable'],
  modelPromote: ['model.promote'],
  modelRegister: ['model.register'],
  modelUpdate: ['model.update'],
  oauthClientCreate: ['oauth.client.create'],
  oauthClientRevoke: ['oauth.client.revoke'],
  oauthClientSecretRotate: ['oauth.client.rotate_secret'],
  oidcIdentityLink: ['oidc.identity.link'],
  oidcProviderCreate: ['oidc.provider.create'],
  oidcProviderDelete: ['oidc.provider.delete'],
  oidcProviderUpdate: ['oidc.provider.update'],
  organizationChangeRevert: ['org.revert'],
  organizationCreate: ['org.create'],
  organizationDelete: ['org.delete'],
  organizationPlanUpdate: ['org.plan_update'],
  organizationSettingsUpdate: ['org.settings_update'],
  organizationStatusUpdate: ['org.status_update'],
  organizationSwitch: ['auth.organization.switch'],
  organizationUpdate: ['org.update'],
  passkeyRegister: ['passkey.register'],
  passkeyRemove: ['passkey.remove'],
  passkeyRename: ['passkey.rename'],
  passkeySignIn: ['auth.sign_in'],
  // A beginning changes nothing: what completes it is the event.
  passkeyRegistrationBegin: [],
  passkeySignInBegin: [],
  totpEnroll: [],
  passwordChange: ['auth.password.change'],
  passwordReset: ['auth.password.reset'],
  passwordResetRequest: ['auth.password.reset_request'],
  platformRoleSet: ['platform.role.set'],
  priceSet: ['price.set'],
  priceWithdraw: ['price.withdraw'],
  providerKeyAdd: ['providerkey.add'],
  providerKeyDelete: ['providerkey.delete'],
  providerKeyReplace: ['providerkey.replace'],
  providerKeyStatusSet: ['providerkey.set_status'],
  providerKeyTest: ['providerkey.test'],
  providerKeyUpdate: ['providerkey.update'],
  recoveryCodesRegenerate: ['mfa.recovery_codes.regenerate'],
  roleCreate: ['role.create'],
  roleDelete: ['role.delete'],
  roleUpdate: ['role.update'],
  serviceAccountCreate: ['account.create'],
  serviceAccountDelete: ['account.delete'],
  serviceAccountUpdate: ['account.update'],
  // Going on with a session is no event; a token that comes a second time is.
  sessionRefresh: ['auth.refresh.reuse'],
  sessionRevoke: ['auth.session.revoke'],
  sessionRevokeAll: ['auth.session.revoke'],
  signIn: ['auth.sign_in', 'auth.lockout'],
  signInContinue: ['auth.sign_in'],
  signOut: ['auth.sign_out'],
  signUp: ['auth.sign_up'],
  signingKeyRotate: ['platform.signing_key.rotate'],
  supportConsentGrant: ['support.consent'],
  totpConfirm: ['mfa.totp.enroll'],
  totpDisable: ['mfa.totp.disable'],
};

const supergraph = buildSchema(readFileSync(join(root, 'gateway/supergraph.graphql'), 'utf8'), {
  assumeValidSDL: true,
});
const mutations = Object.keys(supergraph.getMutationType()?.getFields() ?? {});

/** The sources that record, without tests and what is generated. */
function sources(): string {
  const isSource = (path: string): boolean =>
    path.endsWith('.ts') &&
    !path.endsWith('test.ts') &&
    !path.includes('generated') &&
    !path.includes('node_modules');
  return ['subgraphs', 'packages/graphql/src']
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((path) =>
        join(root, folder, path),
      ),
    )
    .filter(isSource)
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
}

describe('the audit trail', () => {
  it('has a row here for every mutation, and no other', () => {
    expect(Object.keys(RECORDED).sort()).toEqual([...mutations].sort());
  });

  it('is written with what the mutations promise', () => {
    const text = sources();
    const written = (action: string): boolean => text.includes(`'${action}'`);
    expect(
      Object.values(RECORDED)
        .flat()
        .filter((action) => !written(action)),
    ).toEqual([]);
  });
});
