import { recordAudit } from '@weir/graphql/audit';
import type { BoundedAudit } from '@weir/graphql/bounded-audit';
import type { Uuid } from '@weir/kernel/ids';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import { createUserStore } from '../users/user-store.ts';
import type { SessionErrorCode } from '../../generated/resolvers-types.ts';
import type { Client } from './client.ts';

/**
 * Failures to sign in, for the trail of the organization of whoever was meant, or of the platform when nobody has the
 * address. Nobody waits for it: how long it takes would tell whether somebody has the address.
 */
export interface SignInAudit {
  failed(email: string, client: Client, reason: SessionErrorCode): void;
  /** This failure was one too many: nobody signs in with the address for a while. */
  locked(email: string, client: Client): void;
}

/** What was typed may be a password by mistake, so an address that nobody has is kept only as far as it helps. */
function masked(email: string): string {
  const at = email.lastIndexOf('@');
  return at < 1 ? '***' : `${email.slice(0, 1)}***${email.slice(at)}`;
}

interface Person {
  readonly userId: Uuid;
  readonly organizationId: Uuid | null;
}

async function personOf(db: Database, email: string): Promise<Person | undefined> {
  const user = await withTenant(db, { credential: email }, (tx) => createUserStore(tx).byEmail(email));
  if (!user) return undefined;
  const memberships = await withTenant(db, { userId: user.id }, (tx) =>
    createUserStore(tx).membershipsOfAll([user.id]),
  );
  return { userId: user.id, organizationId: memberships[0]?.organizationId ?? null };
}

export function createSignInAudit(deps: {
  readonly db: Database;
  readonly refusals: BoundedAudit;
}): SignInAudit {
  const { db, refusals } = deps;

  function note(
    email: string,
    client: Client,
    event: { readonly action: 'auth.sign_in' | 'auth.lockout'; readonly reason: SessionErrorCode },
  ): void {
    const { ipAddress, userAgent, requestId } = client;
    refusals.note(`sign-in ${ipAddress ?? ''}`, async (leftOut) => {
      const person = await personOf(db, email);
      const by = { actor: { type: 'anonymous' }, ipAddress, userAgent, requestId } as const;
      await recordAudit(db, by, {
        organizationId: person?.organizationId ?? null,
        action: event.action,
        target: { type: 'user', id: person?.userId ?? null, name: person ? email : masked(email) },
        result: 'FAILURE',
        metadata: { reason: event.reason, ...(leftOut > 0 && { leftOut }) },
      });
    });
  }

  return {
    failed: (email, client, reason) => note(email, client, { action: 'auth.sign_in', reason }),
    locked: (email, client) => note(email, client, { action: 'auth.lockout', reason: 'LOCKED' }),
  };
}
