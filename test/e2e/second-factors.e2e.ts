import { generateSync } from 'otplib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendGraphql, signIn } from './src/graphql.ts';
import { startPlatform, type Platform } from './src/platform.ts';

let platform: Platform;

beforeAll(async () => {
  platform = await startPlatform('embedded');
});
afterAll(() => platform[Symbol.asyncDispose]());

interface Answer {
  readonly accessToken: string | null;
  readonly secondFactors: readonly string[];
  readonly userErrors: readonly { readonly code: string }[];
}

async function attempt(otp?: string): Promise<Answer> {
  const { graphqlUrl, email, password } = platform.access;
  const query = `mutation ($input: SignInInput!) {
    signIn(input: $input) { accessToken secondFactors userErrors { code } }
  }`;
  const answer = await sendGraphql(graphqlUrl, query, { input: { email, password, otp } });
  return answer.data?.['signIn'] as Answer;
}

const codesOf = ({ userErrors }: Answer): string[] => userErrors.map(({ code }) => code);

describe('an authenticator app', () => {
  it('is enrolled, asked for, taken once, replaced by a recovery code once, and disabled', async () => {
    const owner = await signIn(platform.access);
    const { totpEnroll } = await owner.ask<{ totpEnroll: { enrollment: Record<string, string> } }>(
      'mutation { totpEnroll { enrollment { secret uri qrCode } } }',
    );
    const { secret = '', uri, qrCode } = totpEnroll.enrollment;
    expect(uri).toMatch(/^otpauth:\/\/totp\/Weir:/);
    expect(qrCode).toMatch(/^data:image\/svg\+xml;base64,/);
    const codeIn = (steps: number): string =>
      generateSync({ secret, epoch: Math.floor(Date.now() / 1_000) + steps * 30 });
    const { totpConfirm } = await owner.ask<{ totpConfirm: { recoveryCodes: string[] } }>(
      `mutation ($code: String!) { totpConfirm(input: { code: $code }) { recoveryCodes userErrors { code } } }`,
      { code: codeIn(0) },
    );
    const [recoveryCode = ''] = totpConfirm.recoveryCodes;

    expect(await attempt()).toEqual({
      accessToken: null,
      secondFactors: ['TOTP', 'RECOVERY_CODE'],
      userErrors: [{ code: 'MFA_REQUIRED' }],
    });
    // Of the step after the one that was confirmed: each is taken once, and a clock may be a step ahead.
    const code = codeIn(1);
    const both = await Promise.all([attempt(code), attempt(code)]);
    expect(both.filter(({ accessToken }) => accessToken !== null)).toHaveLength(1);
    expect(both.flatMap(codesOf)).toEqual(['INVALID_OTP']);
    expect(codesOf(await attempt(recoveryCode))).toEqual([]);
    expect(codesOf(await attempt(recoveryCode))).toEqual(['INVALID_OTP']);

    const disabled = await owner.ask<{ totpDisable: object }>(
      `mutation ($password: String!) {
        totpDisable(input: { password: $password }) { viewer { secondFactors { methods } } userErrors { code } }
      }`,
      { password: platform.access.password },
    );
    expect(disabled.totpDisable).toEqual({ viewer: { secondFactors: { methods: [] } }, userErrors: [] });
    expect(codesOf(await attempt())).toEqual([]);
  });
});
