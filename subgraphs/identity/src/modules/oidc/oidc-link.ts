import { z } from 'zod';
import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { requireSignedIn } from '@weir/graphql/authorization';
import { userError } from '@weir/graphql/user-errors';
import { isUuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import { withTenant } from '@weir/prisma/tenant';
import type { OneTimeTokens } from '../one-time-tokens/one-time-tokens.ts';
import { createProof, type ProofDeps, type ProofInput } from '../second-factors/proof.ts';
import { linkIdentity } from './oidc-person.ts';
import { createOidcProviderStore } from './oidc-provider-store.ts';
import type { OidcProblem, OidcProvider } from './oidc-provider.ts';

/** Time enough to sign in with a password and a second factor. */
export const LINK_TICKET_LIFE_MS = 15 * 60_000;

const contentSchema = z.object({
  userId: z.string().refine(isUuid),
  providerId: z.string().refine(isUuid),
  subject: z.string(),
});

export interface OidcLinkDeps extends ProofDeps {
  readonly oneTimeTokens: OneTimeTokens;
}

const INVALID = userError('INVALID_TICKET', 'This ticket is another person’s, was used, or is too old. Sign in with the provider anew.', 'ticket'); // prettier-ignore

export interface OidcLinks {
  /** Returns the provider that signs the person in from now on. */
  link(
    identity: InternalIdentity,
    ticket: string,
    proof: ProofInput,
  ): Promise<Result<OidcProvider, OidcProblem>>;
}

/**
 * Lets a provider sign in somebody who has an account with a password. The person has to be signed in and to prove it
 * once more, as whoever sends them a ticket could otherwise open their account with an account of theirs elsewhere.
 */
export function createOidcLinks(deps: OidcLinkDeps): OidcLinks {
  const { db, oneTimeTokens } = deps;
  const prove = createProof(deps);
  async function link(
    identity: InternalIdentity,
    ticket: string,
    proof: ProofInput,
  ): Promise<Result<OidcProvider, OidcProblem>> {
    const actor = requireSignedIn(identity);
    const content = contentSchema.safeParse(oneTimeTokens.open('oidcLink', ticket));
    if (actor.type !== 'user' || content.data?.userId !== actor.userId) return err(INVALID);
    const { userId, providerId, subject } = content.data;
    const proven = await prove(userId, proof);
    if (!proven.ok) return proven;
    return withTenant(db, { userId, credential: providerId }, async (tx) => {
      const provider = await createOidcProviderStore(tx).byId(providerId);
      if (!provider || !(await oneTimeTokens.spend(tx, ticket))) return err(INVALID);
      const claims = { subject, email: undefined, isEmailVerified: true, name: undefined };
      const isLinked = await linkIdentity(tx, { provider, claims, by: identity }, userId, { isNew: false });
      return isLinked ? ok(provider) : err(INVALID);
    });
  }
  return { link };
}
