import { errors, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import type { Clock } from '@weir/kernel/clock';
import { AppError } from '@weir/kernel/errors';
import { isUuid } from '@weir/kernel/ids';
import { ACCESS_TOKEN_LIFE_MS, type RefreshTokenNames } from './session.ts';
import type { SigningKeys } from './signing-keys.ts';

const AUDIENCE = 'weir';
/** The only algorithm: a token that names another one, or `none`, is refused before its signature is read. */
const ALGORITHM = 'EdDSA';

export interface AccessToken {
  readonly text: string;
  readonly expiresAt: Date;
}

export interface ProvenAccessToken extends RefreshTokenNames {
  readonly expiresAtMs: number;
}

export interface AccessTokens {
  /** @param lifeMs An hour unless told. */
  sign(names: RefreshTokenNames, lifeMs?: number): Promise<AccessToken>;
  /** @throws AppError UNAUTHENTICATED unless we signed it and it has not expired. Says nothing about its session. */
  verify(text: string): Promise<ProvenAccessToken>;
}

const uuid = z.string().refine(isUuid);
const claimsSchema = z.object({ sub: uuid, sid: uuid, exp: z.number() });

function refusal(cause: unknown): AppError {
  const expired = cause instanceof errors.JWTExpired;
  const detail = expired ? 'The access token has expired.' : 'The access token is not valid.';
  const reason = cause instanceof errors.JOSEError ? cause.code : 'its claims do not fit';
  return new AppError('UNAUTHENTICATED', detail, { message: `access token refused: ${reason}`, cause });
}

/** @param issuer Where the platform is reached: a token of another one is refused, also when both share their keys. */
export function createAccessTokens(keys: SigningKeys, clock: Clock, issuer: string): AccessTokens {
  return {
    async sign({ userId, sessionId }, lifeMs = ACCESS_TOKEN_LIFE_MS) {
      const { id, privateKey } = keys.current();
      const issuedAtSeconds = Math.floor(clock.now() / 1000);
      const expiresAtSeconds = issuedAtSeconds + Math.ceil(lifeMs / 1000);
      const text = await new SignJWT({ sid: sessionId })
        .setProtectedHeader({ alg: ALGORITHM, kid: id, typ: 'at+jwt' })
        .setIssuer(issuer)
        .setAudience(AUDIENCE)
        .setSubject(userId)
        .setIssuedAt(issuedAtSeconds)
        .setExpirationTime(expiresAtSeconds)
        .sign(privateKey);
      return { text, expiresAt: new Date(expiresAtSeconds * 1000) };
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
            typ: 'at+jwt',
            issuer,
            audience: AUDIENCE,
            requiredClaims: ['sub', 'sid', 'iat', 'exp'],
            currentDate: new Date(clock.now()),
          },
        );
        const claims = claimsSchema.parse(payload);
        return { userId: claims.sub, sessionId: claims.sid, expiresAtMs: claims.exp * 1000 };
      } catch (cause) {
        if (cause instanceof errors.JOSEError || cause instanceof z.ZodError) throw refusal(cause);
        throw cause;
      }
    },
  };
}
