import type { Authenticated, InternalIdentity } from '@weir/contracts/internal-identity';
import { requireSignedIn } from '@weir/graphql/authorization';
import { userError } from '@weir/graphql/user-errors';
import { err, ok, type Result } from '@weir/kernel/result';
import { withTenant } from '@weir/prisma/tenant';
import type { AccessToken, AccessTokens } from './access-token.ts';
import { readSessionRecord } from './session-record.ts';
import { createSessionStore } from './session-store.ts';
import {
  hashOfRefreshToken,
  namesInRefreshToken,
  newRefreshToken,
  REFRESH_TOKEN_LIFE_MS,
  type RefreshTokenNames,
} from './session.ts';
import {
  createSignIn,
  type Client,
  type SessionProblem,
  type SignInDeps,
  type SignInInput,
  type SignInRefusal,
} from './sign-in.ts';
import { standingOfSession } from './standing.ts';

export interface Tokens {
  readonly accessToken: AccessToken;
  readonly refreshToken: string;
}

export interface SignedIn extends Tokens {
  readonly standing: Omit<Authenticated, 'expiresAtMs'>;
}

export interface SessionService {
  /** @throws AppError RATE_LIMITED when too many try at once. */
  signIn(input: SignInInput, client: Client): Promise<Result<SignedIn, SignInRefusal>>;
  refresh(refreshToken: string): Promise<Result<Tokens, SessionProblem>>;
  /**
   * Returns how many sessions ended.
   * @throws AppError UNAUTHENTICATED without a session.
   */
  signOut(identity: InternalIdentity, everywhere: boolean): Promise<Result<number, SessionProblem>>;
}

export interface SessionServiceDeps extends SignInDeps {
  readonly accessTokens: AccessTokens;
}

const REFUSED = userError('INVALID_REFRESH_TOKEN', 'This refresh token is not valid any more. Sign in again.', 'refreshToken'); // prettier-ignore
const NO_SESSION = userError('NOT_A_SESSION', 'An API key has no session to end. Revoke the key instead.');

export function createSessionService(deps: SessionServiceDeps): SessionService {
  const { db, clock, accessTokens } = deps;
  const begin = createSignIn(deps);

  /** The refresh token that follows, or undefined when the presented one is not the session's newest. */
  async function rotate(token: string, names: RefreshTokenNames): Promise<string | undefined> {
    const nowMs = clock.now();
    return withTenant(db, { userId: names.userId }, async (tx) => {
      const sessions = createSessionStore(tx);
      const record = await readSessionRecord(tx, names);
      if (!record || !standingOfSession(record, nowMs)) return undefined;
      const next = newRefreshToken(names);
      const expiresAt = new Date(nowMs + REFRESH_TOKEN_LIFE_MS);
      if (
        await sessions.rotate(names.sessionId, hashOfRefreshToken(token), hashOfRefreshToken(next), expiresAt)
      ) {
        return next;
      }
      // A token of a living session that is not its newest was used before: one of its two holders is a thief.
      await sessions.revoke(names.sessionId, new Date(nowMs));
      return undefined;
    });
  }

  return {
    async signIn(input, client) {
      const begun = await begin(input, client);
      if (!begun.ok) return begun;
      const { refreshToken, ...names } = begun.value;
      const record = await withTenant(db, { userId: names.userId }, (tx) => readSessionRecord(tx, names));
      const standing = record && standingOfSession(record, clock.now());
      if (!standing) throw new Error('a session that has just begun is over');
      return ok({ accessToken: await accessTokens.sign(names), refreshToken, standing });
    },

    async refresh(refreshToken) {
      const names = namesInRefreshToken(refreshToken);
      const next = names && (await rotate(refreshToken, names));
      if (!names || next === undefined) return err(REFUSED);
      return ok({ accessToken: await accessTokens.sign(names), refreshToken: next });
    },

    async signOut(identity, everywhere) {
      const actor = requireSignedIn(identity);
      if (actor.type !== 'user') return err(NO_SESSION);
      const at = new Date(clock.now());
      const ended = await withTenant(db, { userId: actor.userId }, (tx) => {
        const sessions = createSessionStore(tx);
        return everywhere ? sessions.revokeAllOf(actor.userId, at) : sessions.revoke(actor.sessionId, at);
      });
      return ok(ended);
    },
  };
}
