import { errors, jwtVerify, SignJWT } from 'jose';
import { internalIdentitySchema, type InternalIdentity } from '@weir/contracts/internal-identity';
import { AppError } from '@weir/kernel/errors';
import { systemClock, type Clock } from '@weir/kernel/clock';

const ISSUER = 'weir-gateway';
const AUDIENCE = 'weir-subgraph';
/** The only algorithm, on both sides: a token that names another one, or `none`, is refused before its signature is read. */
const ALGORITHM = 'HS256';
/** Seconds a token lives: long enough for one operation, short enough that a leaked one is worthless. */
const LIFE_SECONDS = 60;
/** Seconds by which the clocks of two machines may differ. */
const CLOCK_TOLERANCE_SECONDS = 5;
const SECRET_MIN_CHARACTERS = 32;

export interface IdentitySigner {
  /** A token that lives for at most 60 seconds. */
  sign(identity: InternalIdentity): Promise<string>;
}

export interface IdentityVerifier {
  /** @throws AppError UNAUTHENTICATED for anything but a token that the gateway signed for the subgraphs and that still lives. */
  verify(token: string): Promise<InternalIdentity>;
}

function keyOf(secret: string): Uint8Array {
  if (secret.length < SECRET_MIN_CHARACTERS) {
    throw new RangeError(`the internal secret needs at least ${SECRET_MIN_CHARACTERS} characters`);
  }
  return new TextEncoder().encode(secret);
}

/** Vouches for an actor to the subgraphs; only the gateway does. */
export function createIdentitySigner(secret: string, clock: Clock = systemClock): IdentitySigner {
  const key = keyOf(secret);
  return {
    sign(identity) {
      const issuedAt = Math.floor(clock.now() / 1000);
      return new SignJWT({ identity })
        .setProtectedHeader({ alg: ALGORITHM })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + LIFE_SECONDS)
        .sign(key);
    },
  };
}

/** Reads who acts from the gateway's token; every subgraph does, and trusts nothing else. */
export function createIdentityVerifier(secret: string, clock: Clock = systemClock): IdentityVerifier {
  const key = keyOf(secret);
  return {
    async verify(token) {
      try {
        const { payload } = await jwtVerify(token, key, {
          algorithms: [ALGORITHM],
          issuer: ISSUER,
          audience: AUDIENCE,
          requiredClaims: ['iat', 'exp'],
          maxTokenAge: LIFE_SECONDS,
          clockTolerance: CLOCK_TOLERANCE_SECONDS,
          currentDate: new Date(clock.now()),
        });
        return internalIdentitySchema.parse(payload['identity']);
      } catch (cause) {
        const reason = cause instanceof errors.JOSEError ? cause.code : 'the claims do not fit the contract';
        throw new AppError('UNAUTHENTICATED', 'The internal identity was not accepted.', {
          message: `internal identity refused: ${reason}`,
          cause,
        });
      }
    },
  };
}
