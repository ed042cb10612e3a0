import type { Authenticated, InternalIdentity } from '@weir/contracts/internal-identity';
import { recordAudit } from '@weir/graphql/audit';
import { requireSignedIn } from '@weir/graphql/authorization';
import { userError } from '@weir/graphql/user-errors';
import type { Clock } from '@weir/kernel/clock';
import { err, ok, type Result } from '@weir/kernel/result';
import { withTenant } from '@weir/prisma/tenant';
import type { MasterKey } from '@weir/service/vault';
import type { AccessToken, AccessTokens } from './access-token.ts';
import type { SessionProblem, SignInRefusal } from './second-step.ts';
import {
  createSignInContinue,
  type SignInContinuation,
  type SignInContinueDeps,
} from './sign-in-continue.ts';
import type { BegunSession } from './begin-session.ts';
import type { Client } from './client.ts';
import { createRefresh } from './refresh.ts';
import { readSessionRecord } from './session-record.ts';
import { createSessionStore } from './session-store.ts';
import { namesInRefreshToken, REFRESH_TOKEN_LIFE_MS, type RefreshTokenNames } from './session.ts';
import { createSignIn, type SignInDeps, type SignInInput } from './sign-in.ts';
import { standingOfSession } from './standing.ts';
import { createTokenSuccession } from './token-succession.ts';

export interface Tokens {
  readonly accessToken: AccessToken;
  readonly refreshToken: string;
  readonly refreshExpiresAt: Date;
}

export interface SignedIn extends Tokens {
  readonly standing: Omit<Authenticated, 'expiresAtMs'>;
}

export interface SessionService {
  /** @throws AppError RATE_LIMITED when too many try at once. */
  signIn(input: SignInInput, client: Client): Promise<Result<SignedIn, SignInRefusal>>;
  /** Completes with a second factor what began elsewhere. */
  signInContinue(input: SignInContinuation, client: Client): Promise<Result<SignedIn, SignInRefusal>>;
  /** Tokens for a session that somebody began in another way than by a password. */
  complete(begun: BegunSession): Promise<SignedIn>;
  /** @throws AppError RATE_LIMITED. */
  refresh(refreshToken: string, client: Client): Promise<Result<Tokens, SessionProblem>>;
  /**
   * Returns how many sessions ended.
   * @throws AppError UNAUTHENTICATED without a session.
   */
  signOut(identity: InternalIdentity, everywhere: boolean): Promise<Result<number, SessionProblem>>;
}

export interface SessionServiceDeps extends SignInDeps, SignInContinueDeps {
  readonly clock: Clock;
  readonly accessTokens: AccessTokens;
  readonly masterKey: MasterKey;
}

const REFUSED = userError('INVALID_REFRESH_TOKEN', 'This refresh token is not valid any more. Sign in again.', 'refreshToken'); // prettier-ignore
const NO_SESSION = userError('NOT_A_SESSION', 'An API key has no session to end. Revoke the key instead.');

export function createSessionService(deps: SessionServiceDeps): SessionService {
  const { db, clock, accessTokens, rateLimits } = deps;
  const signIn = createSignIn(deps);
  const continueSignIn = createSignInContinue(deps);
  const exchange = createRefresh({ db, clock, succession: createTokenSuccession(deps.masterKey) });

  async function tokensOf({
    refreshToken,
    ...names
  }: RefreshTokenNames & { readonly refreshToken: string }): Promise<Tokens> {
    const refreshExpiresAt = new Date(clock.now() + REFRESH_TOKEN_LIFE_MS);
    return { accessToken: await accessTokens.sign(names), refreshToken, refreshExpiresAt };
  }

  async function complete(begun: BegunSession): Promise<SignedIn> {
    const record = await withTenant(db, { userId: begun.userId }, (tx) => readSessionRecord(tx, begun));
    const standing = record && standingOfSession(record, clock.now());
    if (!standing) throw new Error('a session that has just begun is over');
    return { ...(await tokensOf(begun)), standing };
  }

  return {
    async signIn(input, client) {
      const begun = await signIn(input, client);
      return begun.ok ? ok(await complete(begun.value)) : begun;
    },

    async signInContinue(input, client) {
      const begun = await continueSignIn(input, client);
      return begun.ok ? ok(await complete(begun.value)) : begun;
    },

    complete,

    async refresh(refreshToken, client) {
      await rateLimits.check('failureFromIp', client.ipAddress);
      const names = namesInRefreshToken(refreshToken);
      if (names) await rateLimits.count('refreshOfSession', names.sessionId);
      const next = names && (await exchange(refreshToken, names, client));
      if (!next) await rateLimits.count('failureFromIp', client.ipAddress);
      return next ? ok(await tokensOf(next)) : err(REFUSED);
    },

    async signOut(identity, everywhere) {
      const actor = requireSignedIn(identity);
      if (actor.type !== 'user') return err(NO_SESSION);
      const at = new Date(clock.now());
      const ended = await withTenant(db, { userId: actor.userId }, async (tx) => {
        const sessions = createSessionStore(tx);
        const count = everywhere
          ? await sessions.revokeAllOf(actor.userId, at)
          : await sessions.revoke(actor.sessionId, at);
        await recordAudit(tx, identity, {
          organizationId: identity.organizationId,
          action: 'auth.sign_out',
          target: { type: 'session', id: actor.sessionId },
          metadata: { endedSessions: count },
        });
        return count;
      });
      return ok(ended);
    },
  };
}
