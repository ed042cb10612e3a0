import { recordAudit } from '@weir/graphql/audit';
import { authorizePlatform } from '@weir/graphql/platform-authorization';
import { userError } from '@weir/graphql/user-errors';
import { newUuid } from '@weir/kernel/ids';
import { err, ok } from '@weir/kernel/result';
import type { Clock } from '@weir/kernel/clock';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import type { MasterKey } from '@weir/service/vault';
import type { ActorScope } from '../../actor-scope.ts';
import { DISPLAY_NAME_RULE, parseDisplayName } from '../../display-name.ts';
import type { QueueMail } from '../mail/queue-mail.ts';
import { foundOrganization } from '../organizations/found-organization.ts';
import type { OrganizationResult } from '../organizations/organization-guard.ts';
import { createOrganizationStore } from '../organizations/organization-store.ts';
import { ORGANIZATION_NAME_RULE, parseOrganizationName } from '../organizations/profile-rules.ts';
import { isSlugTaken, parseSlug, SLUG_RULE } from '../organizations/slug.ts';
import type { PlanTier } from '../plans/plan.ts';
import { TAKE_OVER_LIFE_MS } from '../sign-up/address-proof.ts';
import { askForProof } from '../sign-up/mail-proof.ts';
import { createUserStore } from '../users/user-store.ts';
import { normalizeEmail } from '../users/user.ts';

export interface PlatformFounding {
  readonly name: string;
  readonly slug: string;
  /** An IANA name. */
  readonly timeZone: string;
  readonly planTier: PlanTier;
  readonly ownerEmail: string;
  /** Of an Owner who has no account yet. */
  readonly ownerDisplayName: string;
}

export interface PlatformFoundingDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly masterKey: MasterKey;
  readonly queueMail: QueueMail;
}

const INVALID_EMAIL = userError('INVALID_EMAIL', 'This is no e-mail address.', 'ownerEmail');
const INVALID_SLUG = userError('INVALID_SLUG', SLUG_RULE, 'slug');
const SLUG_TAKEN = userError('INVALID_SLUG', 'Another organization has this slug: choose another.', 'slug');

/** Founds an organization for somebody else, who is told by mail and chooses a password when they have no account yet. */
export function createFounding({ db, clock, masterKey, queueMail }: PlatformFoundingDeps) {
  return async function found(scope: ActorScope, founding: PlatformFounding): Promise<OrganizationResult> {
    authorizePlatform(scope.identity, 'platformOrganization:create');
    const { timeZone, planTier } = founding;
    const name = parseOrganizationName(founding.name);
    const slug = parseSlug(founding.slug);
    const email = normalizeEmail(founding.ownerEmail);
    const displayName = parseDisplayName(founding.ownerDisplayName);
    if (name === undefined || slug === undefined || email === undefined || displayName === undefined) {
      return err([
        ...(name === undefined ? [userError('INVALID_NAME' as const, ORGANIZATION_NAME_RULE, 'name')] : []),
        ...(slug === undefined ? [INVALID_SLUG] : []),
        ...(email === undefined ? [INVALID_EMAIL] : []),
        ...(displayName === undefined
          ? [userError('INVALID_NAME' as const, DISPLAY_NAME_RULE, 'ownerDisplayName')]
          : []),
      ]);
    }
    const nowMs = clock.now();
    const [organizationId, rootAccountId] = [newUuid(nowMs), newUuid(nowMs)];
    const existing = await withTenant(db, { credential: email }, (tx) => createUserStore(tx).byEmail(email));
    const userId = existing?.id ?? newUuid(nowMs);
    return withTenant(
      db,
      { organizationId, userId, credential: email },
      async (tx): Promise<OrganizationResult> => {
        if (await isSlugTaken(tx, slug)) return err([SLUG_TAKEN]);
        await foundOrganization(
          tx,
          { organizationId, rootAccountId, name, slug, timeZone, planTier },
          masterKey,
        );
        const users = createUserStore(tx);
        if (!existing) await users.expect({ id: userId, email, displayName });
        await users.insertMembership({ id: newUuid(nowMs), organizationId, userId, role: 'OWNER' });
        if (existing?.status === 'ACTIVE') {
          const mail = {
            kind: 'organizationGranted',
            displayName: existing.displayName,
            organizationName: name,
          } as const;
          await queueMail(tx, { to: email, mail });
        } else {
          const expiresAt = new Date(nowMs + TAKE_OVER_LIFE_MS);
          const proof = { id: newUuid(nowMs), email, displayName, organizationName: name, founding: null, userId, expiresAt }; // prettier-ignore
          await askForProof(queueMail, tx, proof, new Date(nowMs));
        }
        await recordAudit(tx, scope.identity, {
          organizationId,
          action: 'org.create',
          target: { type: 'organization', id: organizationId, name },
          metadata: { origin: 'platform', owner: email, planTier },
        });
        const [organization] = await createOrganizationStore(tx).byIds([organizationId]);
        if (!organization) throw new Error('an organization that has just been founded is gone');
        scope.loaders.organizations.prime(organizationId, organization);
        return ok(organization);
      },
    );
  };
}
