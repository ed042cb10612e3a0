import { userError, type UserErrorValue } from '@weir/graphql/user-errors';
import { err, ok, type Result } from '@weir/kernel/result';
import { DISPLAY_NAME_RULE, parseDisplayName } from '../../display-name.ts';
import type { SignUpErrorCode } from '../../generated/resolvers-types.ts';
import { ORGANIZATION_NAME_RULE, parseOrganizationName } from '../organizations/profile-rules.ts';
import { parseSlug, SLUG_RULE } from '../organizations/slug.ts';
import { checkNewPassword } from '../passwords/new-password.ts';
import { normalizeEmail } from '../users/user.ts';

export type SignUpProblem = UserErrorValue<SignUpErrorCode>;

export interface SignUpInput {
  readonly email: string;
  readonly password: string;
  readonly displayName: string;
  readonly organizationName: string;
  readonly slug: string;
  /** An IANA name. */
  readonly timeZone: string;
}

/** The input in its one spelling, or everything that is wrong with it. Says nothing of who is there already. */
export async function checkSignUp(
  input: SignUpInput,
): Promise<Result<SignUpInput, readonly SignUpProblem[]>> {
  const email = normalizeEmail(input.email);
  const displayName = parseDisplayName(input.displayName);
  const organizationName = parseOrganizationName(input.organizationName);
  const slug = parseSlug(input.slug);
  const about = [input.email, input.displayName, input.organizationName, input.slug];
  const weakness = await checkNewPassword(input.password, about);
  if (
    email !== undefined &&
    displayName !== undefined &&
    organizationName !== undefined &&
    slug !== undefined &&
    weakness === undefined
  ) {
    return ok({ ...input, email, displayName, organizationName, slug });
  }
  return err([
    ...(email === undefined ? [userError('INVALID_EMAIL', 'This is no e-mail address.', 'email')] : []),
    ...(displayName === undefined ? [userError('INVALID_NAME', DISPLAY_NAME_RULE, 'displayName')] : []),
    ...(organizationName === undefined
      ? [userError('INVALID_NAME', ORGANIZATION_NAME_RULE, 'organizationName')]
      : []),
    ...(slug === undefined ? [userError('INVALID_SLUG', SLUG_RULE, 'slug')] : []),
    ...(weakness === undefined ? [] : [userError('WEAK_PASSWORD', weakness, 'password')]),
  ]);
}
