import { userError, type UserErrorValue } from '@weir/graphql/user-errors';
import type { Clock } from '@weir/kernel/clock';
import { newUuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import type { Database } from '@weir/prisma/database';
import { withTenant, type Transaction } from '@weir/prisma/tenant';
import type { SecondFactorMethod, SessionErrorCode } from '../../generated/resolvers-types.ts';
import { createOrganizationStore } from '../organizations/organization-store.ts';
import { admitsMembers } from '../organizations/organization.ts';
import type { Passwords } from '../users/password.ts';
import { createUserStore } from '../users/user-store.ts';
import { normalizeEmail, type User } from '../users/user.ts';
import type { SecondFactors } from '../second-factors/second-factors.ts';
import type { Attempts, Guess } from './attempts.ts';
import { createSessionStore } from './session-store.ts';
import {
  hashOfRefreshToken,
  newRefreshToken,
  REFRESH_TOKEN_LIFE_MS,
  type RefreshTokenNames,
} from './session.ts';

export type SessionProblem = UserErrorValue<SessionErrorCode>;

/** Where a session was begun, for its owner to recognise it. */
export interface Client {
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
}

export interface SignInInput {
  readonly email: string;
  readonly password: string;
  readonly otp?: string | null | undefined;
}

export interface BegunSession extends RefreshTokenNames {
  readonly refreshToken: string;
}

/** Why nobody was signed in, and what would help beside the password; told only to those who know the password. */
export interface SignInRefusal {
  readonly problem: SessionProblem;
  readonly secondFactors: readonly SecondFactorMethod[];
}

export interface SignInDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly passwords: Passwords;
  readonly attempts: Attempts;
  readonly secondFactors: SecondFactors;
}

type Outcome = Result<BegunSession, SignInRefusal>;

const USER_AGENT_LENGTH_MAX = 512;

const INVALID = userError('INVALID_CREDENTIALS', 'The address and the password do not belong together.');
const LOCKED = userError('LOCKED', 'Too many failures for this address. Try again in 15 minutes.');
const MFA_REQUIRED = userError('MFA_REQUIRED', 'This account asks for a second factor.', 'otp');
const INVALID_OTP = userError('INVALID_OTP', 'The code is wrong, has expired or was used before.', 'otp');

const refused = (problem: SessionProblem, secondFactors: readonly SecondFactorMethod[] = []): Outcome =>
  err({ problem, secondFactors });

/**
 * Begins a session for whoever knows an address and its password and shows the second factor that its person enrolled.
 * The answer, and the time it takes, is the same for an address that nobody has.
 */
export function createSignIn({ db, clock, passwords, attempts, secondFactors }: SignInDeps) {
  /** The person, when the password is theirs. What cannot be an address takes a hash, too. */
  async function whoKnows(email: string | undefined, password: string): Promise<User | undefined> {
    const user =
      email === undefined
        ? undefined
        : await withTenant(db, { credential: email }, (tx) => createUserStore(tx).byEmail(email));
    const known = user?.status === 'ACTIVE' ? user : undefined;
    const matches = await passwords.matches(password, known?.passwordHash ?? null);
    return matches ? known : undefined;
  }

  async function begin(tx: Transaction, user: User, client: Client): Promise<BegunSession> {
    const nowMs = clock.now();
    const sessionId = newUuid(nowMs);
    const refreshToken = newRefreshToken({ userId: user.id, sessionId });
    const memberships = await createUserStore(tx).membershipsOfAll([user.id]);
    const active = memberships.filter((membership) => membership.status === 'ACTIVE');
    const ids = active.map((membership) => membership.organizationId);
    const organizations = await createOrganizationStore(tx).byIds(ids);
    const open = new Set(organizations.filter(admitsMembers).map((organization) => organization.id));
    await createSessionStore(tx).insert({
      id: sessionId,
      userId: user.id,
      organizationId: ids.find((id) => open.has(id)) ?? null,
      refreshTokenHash: hashOfRefreshToken(refreshToken),
      expiresAt: new Date(nowMs + REFRESH_TOKEN_LIFE_MS),
      ip: client.ipAddress,
      userAgent: client.userAgent?.slice(0, USER_AGENT_LENGTH_MAX) ?? null,
    });
    return { userId: user.id, sessionId, refreshToken };
  }

  /** For somebody who knows the password. A missing second factor does not forgive earlier wrong ones. */
  async function withSecondFactor(user: User, input: SignInInput, client: Client): Promise<Guess<Outcome>> {
    return withTenant(db, { userId: user.id }, async (tx): Promise<Guess<Outcome>> => {
      const verdict = await secondFactors.verify(tx, user.id, input.otp);
      if (verdict === 'ok' || verdict === 'notEnrolled') {
        return { verdict: 'right', answer: ok(await begin(tx, user, client)) };
      }
      const methods = await secondFactors.methodsOf(tx, user.id);
      return verdict === 'missing'
        ? { verdict: 'undecided', answer: refused(MFA_REQUIRED, methods) }
        : { verdict: 'wrong', answer: refused(INVALID_OTP, methods) };
    });
  }

  return async function signIn(input: SignInInput, client: Client): Promise<Outcome> {
    const address = normalizeEmail(input.email);
    const answer = await attempts.guess<Outcome>(address ?? input.email, async () => {
      const user = await whoKnows(address, input.password);
      return user ? withSecondFactor(user, input, client) : { verdict: 'wrong', answer: refused(INVALID) };
    });
    return answer === 'locked' ? refused(LOCKED) : answer;
  };
}
