import type { IdKind } from '@weir/kernel/ids';

/**
 * Everything that is written to the audit trail, by the thing acted on. Closed: what is not here cannot be recorded, and
 * what is here is what people filter by, so a name is never given another meaning.
 */
export const AUDIT_ACTIONS = [
  'account.activate',
  'account.create',
  'account.delete',
  'account.move',
  'account.suspend',
  'account.update',
  'account.update_subtree',
  /** Somebody asked for what they may not do. */
  'access.denied',
  'apikey.create',
  'apikey.revoke',
  'apikey.rotate',
  'apikey.signing_secret.create',
  'apikey.signing_secret.delete',
  'apikey.update',
  /** Somebody who was expected has chosen a password. */
  'auth.activate',
  'audit.download',
  'audit.export',
  /** Retention removed what is older; the metadata is the checkpoint from which the chain goes on. */
  'audit.purge',
  'audit.verify',
  /** An API key was presented that is revoked, has expired or belongs to a suspended account. */
  'auth.apikey',
  /** Too many failures: nobody signs in with this address for a while. */
  'auth.lockout',
  'auth.email.change',
  'auth.email.change_request',
  'auth.password.change',
  'auth.password.reset',
  'auth.password.reset_request',
  'auth.organization.switch',
  /** A refresh token that was used before came again, so its session was ended. */
  'auth.refresh.reuse',
  'auth.session.revoke',
  'auth.sign_in',
  'auth.sign_out',
  'auth.sign_up',
  'auth.verification_resend',
  /** The way back in for a system administrator, approved by two keepers of recovery tokens. */
  'break_glass_action',
  'budget.create',
  'budget.update',
  'credit.enforce',
  'credit.grant',
  'mfa.recovery_codes.regenerate',
  /** Somebody else removed a person's second factors. */
  'mfa.reset',
  'mfa.totp.disable',
  'mfa.totp.enroll',
  'invitation.accept',
  'invitation.create',
  'invitation.resend',
  'invitation.revoke',
  'member.leave',
  'member.reactivate',
  'member.remove',
  'member.suspend',
  'member.update_role',
  'model.delete',
  'model.disable',
  'model.enable',
  'model.promote',
  'model.register',
  'model.update',
  'oauth.client.create',
  'oauth.client.revoke',
  'oauth.client.rotate_secret',
  /** Somebody's account at an OpenID provider signs them in from now on. */
  'oidc.identity.link',
  'oidc.provider.create',
  'oidc.provider.delete',
  'oidc.provider.update',
  'org.create',
  'org.delete',
  'org.plan_update',
  'org.revert',
  'org.settings_update',
  'org.status_update',
  'org.update',
  'support.consent',
  'support.impersonation.start',
  'support.impersonation.stop',
  'passkey.register',
  'passkey.remove',
  'passkey.rename',
  'platform.signing_key.rotate',
  'platform.admin.create',
  'platform.recovery_tokens.create',
  'platform.role.set',
  'price.set',
  'price.withdraw',
  'providerkey.add',
  'providerkey.delete',
  'providerkey.replace',
  'providerkey.set_status',
  'providerkey.test',
  'providerkey.update',
  'role.create',
  'role.delete',
  'role.update',
] as const;

export type AuditAction = (typeof AUDIT_ACTIONS)[number];

export const AUDIT_RESULTS = ['SUCCESS', 'DENIED', 'FAILURE'] as const;

export type AuditResult = (typeof AUDIT_RESULTS)[number];

/** `client` is a program with OAuth credentials, `service` a service account, `system` the platform by itself. */
export const AUDIT_ACTOR_TYPES = ['user', 'apiKey', 'client', 'service', 'system', 'anonymous'] as const;

export type AuditActorType = (typeof AUDIT_ACTOR_TYPES)[number];

/** Things with an id of their own, and what has none: the platform as a whole, and a field that was asked for. */
export type AuditTargetType = IdKind | 'platform' | 'operation';
