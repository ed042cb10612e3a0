import { verify } from 'node:crypto';

/** Google's exchange of a service account's signed assertion for an access token. */
export interface AccessTokens {
  /** @returns The answer's status and body. */
  exchange(form: string): { readonly status: number; readonly body: object };
  isKnown(token: string): boolean;
  readonly issued: number;
}

const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const LIFETIME_SECONDS = 3_600;

/** @param publicKey PEM of the one service account there is; without one nobody gets a token. */
export function createAccessTokens(publicKey: string | undefined): AccessTokens {
  const known = new Set<string>();

  function isSigned(assertion: string): boolean {
    const [header = '', claims = '', signature = ''] = assertion.split('.');
    const signed = Buffer.from(`${header}.${claims}`);
    return (
      publicKey !== undefined && verify('RSA-SHA256', signed, publicKey, Buffer.from(signature, 'base64url'))
    );
  }

  return {
    exchange(form) {
      const fields = new URLSearchParams(form);
      if (fields.get('grant_type') !== GRANT_TYPE || !isSigned(fields.get('assertion') ?? '')) {
        return { status: 400, body: { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' } };
      }
      const token = `ya29.demo-${known.size + 1}`;
      known.add(token);
      return {
        status: 200,
        body: { access_token: token, expires_in: LIFETIME_SECONDS, token_type: 'Bearer' },
      };
    },
    isKnown: (token) => known.has(token),
    get issued() {
      return known.size;
    },
  };
}
