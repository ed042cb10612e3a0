import { generateSync } from 'otplib';
import type { Authenticated } from '@weir/contracts/internal-identity';
import type { TestIdentity, TestOrganization } from '../../test-identity.ts';

const SIGN_IN = `mutation ($input: SignInInput!) {
  signIn(input: $input) { accessToken secondFactors viewer { user { email } } userErrors { code } }
}`;
const ENROLL = 'mutation { totpEnroll { enrollment { secret uri qrCode } userErrors { code } } }';
const CONFIRM = `mutation ($input: TotpConfirmInput!) {
  totpConfirm(input: $input) {
    recoveryCodes viewer { secondFactors { methods totpEnrolledAt recoveryCodesLeft } } userErrors { code }
  }
}`;

export interface SignInAnswer {
  readonly accessToken: string | null;
  readonly secondFactors: readonly string[];
  readonly viewer: object | null;
  readonly userErrors: readonly { readonly code: string }[];
}

/** The six digits that an app with this secret shows at an instant. */
export const codeAt = (secret: string, atMs: number): string =>
  generateSync({ secret, epoch: Math.floor(atMs / 1_000) });

export async function signIn(
  identity: TestIdentity,
  { email, password }: Pick<TestOrganization, 'email' | 'password'>,
  otp?: string,
): Promise<SignInAnswer> {
  const answer = await identity.graphql(SIGN_IN, { input: { email, password, otp } });
  if (answer.errors) throw new Error(JSON.stringify(answer.errors));
  return answer.data?.['signIn'] as SignInAnswer;
}

export async function enroll(
  identity: TestIdentity,
  as: Authenticated,
): Promise<{ readonly secret: string; readonly uri: string; readonly qrCode: string }> {
  const answer = await identity.graphql(ENROLL, {}, as);
  const payload = answer.data?.['totpEnroll'] as {
    enrollment: { secret: string; uri: string; qrCode: string };
  };
  return payload.enrollment;
}

export async function confirm(
  identity: TestIdentity,
  as: Authenticated,
  code: string,
): Promise<{
  readonly recoveryCodes: readonly string[] | null;
  readonly userErrors: readonly { code: string }[];
}> {
  const answer = await identity.graphql(CONFIRM, { input: { code } }, as);
  if (answer.errors) throw new Error(JSON.stringify(answer.errors));
  return answer.data?.['totpConfirm'] as { recoveryCodes: string[] | null; userErrors: { code: string }[] };
}

export interface EnrolledPerson {
  readonly organization: TestOrganization;
  readonly as: Authenticated;
  readonly secret: string;
  readonly recoveryCodes: readonly string[];
  /** What the app shows now; each call moves the clock into the next step, so that no code is a replay. */
  nextCode(): string;
}

/** An Owner with an authenticator app. */
export async function enrolledPerson(identity: TestIdentity): Promise<EnrolledPerson> {
  const organization = await identity.organization();
  const as = await identity.ownerOf(organization);
  const { secret } = await enroll(identity, as);
  const { recoveryCodes } = await confirm(identity, as, codeAt(secret, identity.now()));
  if (!recoveryCodes) throw new Error('not enrolled');
  return {
    organization,
    as,
    secret,
    recoveryCodes,
    nextCode() {
      identity.advance(30_000);
      return codeAt(secret, identity.now());
    },
  };
}
