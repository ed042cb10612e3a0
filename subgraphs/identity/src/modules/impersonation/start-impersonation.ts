import { randomBytes } from 'node:crypto';
import { recordAudit } from '@weir/graphql/audit';
import { authorizePlatform } from '@weir/graphql/platform-authorization';
import { userError, type UserErrorValue } from '@weir/graphql/user-errors';
import { AppError } from '@weir/kernel/errors';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import { withTenant } from '@weir/prisma/tenant';
import type { ActorScope } from '../../actor-scope.ts';
import type { ImpersonationErrorCode } from '../../generated/resolvers-types.ts';
import { createOrganizationStore } from '../organizations/organization-store.ts';
import { admitsMembers } from '../organizations/organization.ts';
import { parseReason } from '../organizations/reason.ts';
import type { AccessToken } from '../sessions/access-token.ts';
import { createSessionStore } from '../sessions/session-store.ts';
import { createUserStore } from '../users/user-store.ts';
import type { ImpersonationDeps } from './impersonation-deps.ts';
import { createImpersonationStore } from './impersonation-store.ts';
import { hashOfConsentToken, REASON_LENGTH_MIN, TTL_MINUTES, type Impersonation } from './impersonation.ts';

export type ImpersonationProblem = UserErrorValue<ImpersonationErrorCode>;

export interface ImpersonationStart {
  readonly organizationId: Uuid;
  readonly reason: string;
  readonly consentToken: string;
  readonly ttlMinutes: number;
}

export interface StartedImpersonation {
  readonly impersonation: Impersonation;
  readonly accessToken: AccessToken;
}

const INVALID_REASON = userError('INVALID_REASON', `Give a reason of ${REASON_LENGTH_MIN} to 500 characters.`, 'reason'); // prettier-ignore
const INVALID_TTL = userError(
  'INVALID_TTL',
  `Choose ${TTL_MINUTES.min} to ${TTL_MINUTES.max} minutes.`,
  'ttlMinutes',
);
const NO_CONSENT = userError('NO_CONSENT', 'This is no consent of the organization, or it was used or has expired: ask for another one.', 'consentToken'); // prettier-ignore
const ALREADY_ACTIVE = userError(
  'ALREADY_ACTIVE',
  'You are looking into an organization already: stop that first.',
);

export function createStart({ db, clock, accessTokens }: ImpersonationDeps) {
  return async function start(
    scope: ActorScope,
    { organizationId, consentToken, ttlMinutes, ...order }: ImpersonationStart,
  ): Promise<Result<StartedImpersonation, readonly ImpersonationProblem[]>> {
    const { identity } = scope;
    const { userId } = authorizePlatform(identity, 'impersonation:start');
    const reason = parseReason(order.reason, REASON_LENGTH_MIN);
    const fits =
      Number.isInteger(ttlMinutes) && ttlMinutes >= TTL_MINUTES.min && ttlMinutes <= TTL_MINUTES.max;
    if (reason === undefined || !fits) {
      return err([...(reason === undefined ? [INVALID_REASON] : []), ...(fits ? [] : [INVALID_TTL])]);
    }
    const nowMs = clock.now();
    const [now, expiresAt] = [new Date(nowMs), new Date(nowMs + ttlMinutes * 60_000)];
    const [id, sessionId] = [newUuid(nowMs), newUuid(nowMs)];
    const started = await withTenant(
      db,
      { organizationId, userId },
      async (tx): Promise<Result<Impersonation, readonly ImpersonationProblem[]>> => {
        const store = createImpersonationStore(tx);
        const [organization] = await createOrganizationStore(tx).byIds([organizationId]);
        if (!organization || !admitsMembers(organization)) {
          throw new AppError('NOT_FOUND', 'There is nothing with this id.');
        }
        await store.lockPerson(userId);
        if (await store.activeOf(userId, now)) return err([ALREADY_ACTIVE]);
        const consentId = await store.useConsent(organizationId, hashOfConsentToken(consentToken), now);
        if (consentId === undefined) return err([NO_CONSENT]);
        const [person] = await createUserStore(tx).byIds([userId]);
        if (!person) throw new Error('a person who is signed in is gone');
        const { displayName: supportName, email: supportEmail } = person;
        const impersonation = { id, organizationId, consentId, supportUserId: userId, supportName, supportEmail, sessionId, reason, createdAt: now, expiresAt, endedAt: null }; // prettier-ignore
        await store.insert(impersonation);
        await createSessionStore(tx).insert({
          id: sessionId,
          userId,
          organizationId,
          impersonationId: id,
          // Nobody knows what this is the hash of, so the session is never prolonged.
          refreshTokenHash: randomBytes(32),
          createdAt: now,
          lastUsedAt: now,
          expiresAt,
          ip: identity.ipAddress,
          userAgent: identity.userAgent,
        });
        await recordAudit(tx, identity, {
          organizationId,
          action: 'support.impersonation.start',
          target: { type: 'impersonation', id, name: supportEmail },
          metadata: { reason, ttlMinutes },
        });
        return ok(impersonation);
      },
    );
    if (!started.ok) return started;
    const accessToken = await accessTokens.sign({ userId, sessionId }, ttlMinutes * 60_000);
    return ok({ impersonation: started.value, accessToken });
  };
}
