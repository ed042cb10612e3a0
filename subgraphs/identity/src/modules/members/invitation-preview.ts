import type { Clock } from '@weir/kernel/clock';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import type { ActorScope } from '../../actor-scope.ts';
import { createOrganizationStore } from '../organizations/organization-store.ts';
import { admitsMembers } from '../organizations/organization.ts';
import type { RateLimits } from '../rate-limits/rate-limits.ts';
import { nameOfRole } from '../roles/role-name.ts';
import { createUserStore } from '../users/user-store.ts';
import { createInvitationStore } from './invitation-store.ts';
import { hashOfInvitationToken, isOpen, type Invitation } from './invitation.ts';
import { createMembershipStore } from './membership-store.ts';

/** What an invitation leads to, as its token tells, or why it leads nowhere. */
export type InvitationPreview =
  OpenInvitation | { readonly state: 'EXPIRED' | 'REVOKED' | 'ACCEPTED' | 'UNKNOWN' };

interface OpenInvitation {
  readonly state: 'OPEN';
  readonly organizationName: string;
  readonly email: string;
  readonly roleName: string;
  readonly expiresAt: Date;
  /** Then they sign in and accept; otherwise they choose a name and a password. */
  readonly hasAccount: boolean;
}

export interface InvitationPreviews {
  /**
   * Looks at an invitation before it is accepted. Whoever has its token needs no other permission.
   * @throws AppError RATE_LIMITED for a network address that presents many tokens.
   */
  preview(scope: ActorScope, token: string): Promise<InvitationPreview>;
}

export interface InvitationPreviewDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly rateLimits: RateLimits;
}

/** A token that nobody has, one that a newer mail replaced, and one of an organization that admits nobody. */
const UNKNOWN = { state: 'UNKNOWN' } as const;

export function createInvitationPreviews({
  db,
  clock,
  rateLimits,
}: InvitationPreviewDeps): InvitationPreviews {
  async function open({ id, organizationId, email, expiresAt }: Invitation): Promise<InvitationPreview> {
    const { organization, membership } = await withTenant(db, { organizationId }, async (tx) => ({
      organization: (await createOrganizationStore(tx).byIds([organizationId])).at(0),
      membership: await createMembershipStore(tx).byId(id),
    }));
    if (!organization || !membership || !admitsMembers(organization)) return UNKNOWN;
    const person = await withTenant(db, { credential: email }, (tx) => createUserStore(tx).byEmail(email));
    return {
      state: 'OPEN',
      organizationName: organization.name,
      email,
      roleName: nameOfRole(membership.role),
      expiresAt,
      hasAccount: person !== undefined,
    };
  }

  return {
    async preview({ identity }, token) {
      await rateLimits.count('tokenFromIp', identity.ipAddress);
      const tokenHash = hashOfInvitationToken(token);
      const invitation = await withTenant(db, { credential: tokenHash.toString('hex') }, (tx) =>
        createInvitationStore(tx).byTokenHash(tokenHash),
      );
      if (!invitation) return UNKNOWN;
      if (invitation.status !== 'PENDING') return { state: invitation.status };
      return isOpen(invitation, clock.now()) ? open(invitation) : { state: 'EXPIRED' };
    },
  };
}
