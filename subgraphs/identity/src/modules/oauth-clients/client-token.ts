import { decodeProtectedHeader, errors, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { OAUTH_SCOPES, type OAuthScope } from '@weir/contracts/oauth-token';
import type { Clock } from '@weir/kernel/clock';
import { AppError } from '@weir/kernel/errors';
import { isUuid, newUuid, type Uuid } from '@weir/kernel/ids';
import type { SigningKeys } from '../sessions/signing-keys.ts';

/** What a token of a client says; whether the client still works is another question. */
export interface ClientToken {
  readonly clientId: Uuid;
  readonly scopes: readonly OAuthScope[];
  readonly secretVersion: number;
}

/** What is known of a token besides what it was asked for. */
export interface SignedClientToken extends ClientToken {
  /** Undefined of a token from before tokens had ids: it cannot be revoked alone. */
  readonly id: string | undefined;
  readonly issuer: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

export interface ClientTokens {
  sign(token: ClientToken): Promise<string>;
  /** @throws AppError UNAUTHENTICATED unless we signed it and it has not expired. */
  verify(text: string): Promise<SignedClientToken>;
}

export const CLIENT_TOKEN_LIFE_SECONDS = 60 * 60;

const AUDIENCE = 'weir';
/** The only algorithm: a token that names another one, or `none`, is refused before its signature is read. */
const ALGORITHM = 'EdDSA';
/** Tells it from the access token of a person, which is signed with the same keys. */
const TYPE = 'client-at+jwt';

const claimsSchema = z.object({
  client_id: z.string().refine(isUuid),
  scope: z.string(),
  secret_version: z.number(),
  jti: z.string().optional(),
  iat: z.number(),
  exp: z.number(),
});

/** Whether a text says of itself that it is one; proves nothing. */
export function isClientToken(text: string): boolean {
  try {
    return decodeProtectedHeader(text).typ === TYPE;
  } catch {
    return false;
  }
}

/** @param issuer Where the platform is reached: a token of another one is refused, also when both share their keys. */
export function createClientTokens(keys: SigningKeys, clock: Clock, issuer: string): ClientTokens {
  return {
    async sign({ clientId, scopes, secretVersion }) {
      const { id, privateKey } = keys.current();
      const now = Math.floor(clock.now() / 1_000);
      return new SignJWT({ client_id: clientId, scope: scopes.join(' '), secret_version: secretVersion })
        .setProtectedHeader({ alg: ALGORITHM, kid: id, typ: TYPE })
        .setIssuer(issuer)
        .setAudience(AUDIENCE)
        .setSubject(clientId)
        .setJti(newUuid(clock.now()))
        .setIssuedAt(now)
        .setExpirationTime(now + CLIENT_TOKEN_LIFE_SECONDS)
        .sign(privateKey);
    },

    async verify(text) {
      try {
        const { payload } = await jwtVerify(
          text,
          async ({ kid }) => {
            const key = kid === undefined ? undefined : await keys.publicKey(kid);
            if (!key) throw new errors.JWKSNoMatchingKey();
            return key;
          },
          {
            algorithms: [ALGORITHM],
            typ: TYPE,
            issuer,
            audience: AUDIENCE,
            requiredClaims: ['sub', 'iat', 'exp'],
            currentDate: new Date(clock.now()),
          },
        );
        const claims = claimsSchema.parse(payload);
        const scopes = claims.scope.split(' ');
        return {
          clientId: claims.client_id,
          scopes: OAUTH_SCOPES.filter((scope) => scopes.includes(scope)),
          secretVersion: claims.secret_version,
          id: claims.jti,
          issuer,
          issuedAtMs: claims.iat * 1_000,
          expiresAtMs: claims.exp * 1_000,
        };
      } catch (cause) {
        if (!(cause instanceof errors.JOSEError) && !(cause instanceof z.ZodError)) throw cause;
        const detail =
          cause instanceof errors.JWTExpired
            ? 'The access token has expired.'
            : 'The access token is not valid.';
        throw new AppError('UNAUTHENTICATED', detail, { message: 'client token refused', cause });
      }
    },
  };
}
