import { userError } from '@weir/graphql/user-errors';
import { err, ok, type Result } from '@weir/kernel/result';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import type { RateLimits } from '../rate-limits/rate-limits.ts';
import type { BeginSession, BegunSession } from '../sessions/begin-session.ts';
import type { Client } from '../sessions/client.ts';
import { createUserStore } from '../users/user-store.ts';
import type { PasskeyAssertion, PasskeyAssertions } from './passkey-assertions.ts';
import { createPasskeyStore } from './passkey-store.ts';
import type { PasskeyProblem } from './passkey.ts';

export interface PasskeySignInDeps {
  readonly db: Database;
  readonly passkeys: PasskeyAssertions;
  readonly begin: BeginSession;
  readonly rateLimits: RateLimits;
}

const INVALID = userError('INVALID_PASSKEY', 'This passkey does not sign anybody in, or took longer than five minutes. Begin anew.', 'credential'); // prettier-ignore

/**
 * Begins a session for the person whose passkey answered. A lockout of passwords does not concern it: nobody guesses it.
 * Failures count towards those of their network.
 */
export function createPasskeySignIn({ db, passkeys, begin, rateLimits }: PasskeySignInDeps) {
  async function answered(
    assertion: PasskeyAssertion,
    client: Client,
  ): Promise<Result<BegunSession, PasskeyProblem>> {
    const credentialId = Buffer.from(assertion.credential.id, 'base64url');
    const passkey = await withTenant(db, { credential: credentialId.toString('hex') }, (tx) =>
      createPasskeyStore(tx).byCredential(credentialId),
    );
    if (!passkey) return err(INVALID);
    const { userId } = passkey;
    return withTenant(db, { userId }, async (tx) => {
      const [user] = await createUserStore(tx).byIds([userId]);
      if (user?.status !== 'ACTIVE') return err(INVALID);
      const isRight = await passkeys.verify(tx, passkey, assertion, 'passkeySignIn');
      if (!isRight) return err(INVALID);
      return ok(await begin(tx, user, client));
    });
  }

  return async function signIn(
    assertion: PasskeyAssertion,
    client: Client,
  ): Promise<Result<BegunSession, PasskeyProblem>> {
    await rateLimits.check('failureFromIp', client.ipAddress);
    const begun = await answered(assertion, client);
    if (!begun.ok) await rateLimits.count('failureFromIp', client.ipAddress);
    return begun;
  };
}
