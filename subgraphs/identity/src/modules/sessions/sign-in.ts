import { userError, type UserErrorValue } from '@weir/graphql/user-errors';
import type { Clock } from '@weir/kernel/clock';
import { newUuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import type { SessionErrorCode } from '../../generated/resolvers-types.ts';
import { createOrganizationStore } from '../organizations/organization-store.ts';
import { admitsMembers } from '../organizations/organization.ts';
import type { Passwords } from '../users/password.ts';
import { createUserStore } from '../users/user-store.ts';
import { normalizeEmail, type User } from '../users/user.ts';
import { afterFailure, isLocked } from './lockout.ts';
import { createSessionStore } from './session-store.ts';
import {
  hashOfRefreshToken,
  newRefreshToken,
  REFRESH_TOKEN_LIFE_MS,
  type RefreshTokenNames,
} from './session.ts';
import { createThrottleStore } from './throttle-store.ts';
import { createTurns } from './turns.ts';

export type SessionProblem = UserErrorValue<SessionErrorCode>;

/** Where a session was begun, for its owner to recognise it. */
export interface Client {
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
}

export interface SignInInput {
  readonly email: string;
  readonly password: string;
}

export interface BegunSession extends RefreshTokenNames {
  readonly refreshToken: string;
}

export interface SignInDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly passwords: Passwords;
}

const USER_AGENT_LENGTH_MAX = 512;

const INVALID = userError('INVALID_CREDENTIALS', 'The address and the password do not belong together.');
const LOCKED = userError('LOCKED', 'Too many failures for this address. Try again in 15 minutes.');

/**
 * Begins a session for whoever knows an address and its password. The answer, and the time it takes, is the same for
 * an address that nobody has.
 */
export function createSignIn({ db, clock, passwords }: SignInDeps) {
  const inTurn = createTurns();

  async function countFailure(email: string): Promise<void> {
    const nowMs = clock.now();
    await db.$transaction(async (tx) => {
      const throttles = createThrottleStore(tx);
      await throttles.lock(email, nowMs);
      const counted = await throttles.read(email);
      // The row that `lock` has just made counts nothing yet.
      await throttles.write(email, afterFailure(counted?.failures === 0 ? undefined : counted, nowMs));
    });
  }

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

  async function begin(user: User, client: Client): Promise<BegunSession> {
    const nowMs = clock.now();
    const sessionId = newUuid(nowMs);
    const refreshToken = newRefreshToken({ userId: user.id, sessionId });
    await withTenant(db, { userId: user.id }, async (tx) => {
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
    });
    return { userId: user.id, sessionId, refreshToken };
  }

  return async function signIn(
    input: SignInInput,
    client: Client,
  ): Promise<Result<BegunSession, SessionProblem>> {
    const address = normalizeEmail(input.email);
    const email = address ?? input.email;
    return inTurn(email, async () => {
      const throttles = createThrottleStore(db);
      if (isLocked(await throttles.read(email), clock.now())) return err(LOCKED);
      const user = await whoKnows(address, input.password);
      if (!user) {
        await countFailure(email);
        return err(INVALID);
      }
      await throttles.clear(email);
      return ok(await begin(user, client));
    });
  };
}
