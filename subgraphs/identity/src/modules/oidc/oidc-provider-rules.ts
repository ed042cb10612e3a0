import { userError } from '@weir/graphql/user-errors';
import type { Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import { DISPLAY_NAME_RULE, parseDisplayName } from '../../display-name.ts';
import type { OidcSettings } from './oidc-provider-store.ts';
import { GRANTABLE_ROLES, type OidcProblem } from './oidc-provider.ts';

const DOMAIN = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$/;
const DOMAINS_MAX = 50;
const CLIENT_TEXT_MAX = 512;

const isClientText = (text: string): boolean =>
  text.length > 0 && text.length <= CLIENT_TEXT_MAX && /^[\x21-\x7e]+$/.test(text);

/** The settings in their one spelling. The issuer's address is checked elsewhere, as names have to be resolved. */
export function checkSettings(
  settings: OidcSettings,
  organizationId: Uuid | null,
  clientSecret: string | undefined,
): Result<OidcSettings, readonly OidcProblem[]> {
  const { issuer, clientId, createsPeople, defaultRole } = settings;
  const name = parseDisplayName(settings.name);
  const emailDomains = [...new Set(settings.emailDomains.map((domain) => domain.trim().toLowerCase()))];
  const problems: OidcProblem[] = [];
  if (name === undefined) problems.push(userError('INVALID_NAME', DISPLAY_NAME_RULE, 'name'));
  if (!isClientText(clientId)) {
    problems.push(userError('INVALID_CLIENT', 'The client id must be what the provider gave.', 'clientId'));
  }
  if (clientSecret !== undefined && !isClientText(clientSecret)) {
    problems.push(
      userError('INVALID_CLIENT', 'The client secret must be what the provider gave.', 'clientSecret'),
    );
  }
  if (emailDomains.length > DOMAINS_MAX || !emailDomains.every((domain) => DOMAIN.test(domain))) {
    problems.push(userError('INVALID_DOMAIN', `Give at most ${DOMAINS_MAX} domains such as example.com.`, 'emailDomains')); // prettier-ignore
  }
  if (organizationId !== null && emailDomains.length === 0) {
    problems.push(userError('INVALID_DOMAIN', 'Say for which domains of addresses the provider speaks.', 'emailDomains')); // prettier-ignore
  }
  if (defaultRole !== null && !GRANTABLE_ROLES.includes(defaultRole)) {
    problems.push(userError('INVALID_ROLE', 'Nobody becomes an Owner by signing in: choose another role.', 'defaultRoleId')); // prettier-ignore
  }
  if (organizationId === null && defaultRole !== null) {
    problems.push(userError('INVALID_ROLE', 'A provider of the platform gives no role in an organization.', 'defaultRoleId')); // prettier-ignore
  }
  if (organizationId !== null && createsPeople && defaultRole === null) {
    problems.push(userError('INVALID_ROLE', 'Say which role new people get.', 'defaultRoleId'));
  }
  if (name === undefined || problems.length > 0) return err(problems);
  return ok({ name, issuer, clientId, emailDomains, createsPeople, defaultRole });
}
