import { recordAudit } from '@weir/graphql/audit';
import type { Clock } from '@weir/kernel/clock';
import { newUuid } from '@weir/kernel/ids';
import type { Transaction } from '@weir/prisma/tenant';
import { createOrganizationStore } from '../organizations/organization-store.ts';
import { admitsMembers } from '../organizations/organization.ts';
import { createUserStore } from '../users/user-store.ts';
import type { User } from '../users/user.ts';
import { auditedAs, clientColumns, type Client } from './client.ts';
import { createSessionStore } from './session-store.ts';
import {
  hashOfRefreshToken,
  newRefreshToken,
  REFRESH_TOKEN_LIFE_MS,
  type RefreshTokenNames,
} from './session.ts';

export interface BegunSession extends RefreshTokenNames {
  readonly refreshToken: string;
}

/**
 * Begins a session for a person who has proven who they are, in their oldest organization that is open. Within a
 * transaction that sees the person's own rows.
 */
export type BeginSession = (tx: Transaction, user: Pick<User, 'id'>, client: Client) => Promise<BegunSession>;

export function createBeginSession(clock: Clock): BeginSession {
  return async (tx, user, client) => {
    const nowMs = clock.now();
    const now = new Date(nowMs);
    const sessionId = newUuid(nowMs);
    const refreshToken = newRefreshToken({ userId: user.id, sessionId });
    const memberships = await createUserStore(tx).membershipsOfAll([user.id]);
    const active = memberships.filter((membership) => membership.status === 'ACTIVE');
    const ids = active.map((membership) => membership.organizationId);
    const organizations = await createOrganizationStore(tx).byIds(ids);
    const open = new Map(
      organizations.filter(admitsMembers).map((organization) => [organization.id, organization]),
    );
    const organizationId = ids.find((id) => open.has(id)) ?? null;
    const sessions = createSessionStore(tx);
    await sessions.lockBeginning(user.id);
    const sessionsMax = organizationId && open.get(organizationId)?.settings.sessions.concurrentMax;
    if (organizationId && sessionsMax) {
      await sessions.revokeOldest(user.id, organizationId, sessionsMax - 1, now);
    }
    await sessions.insert({
      id: sessionId,
      userId: user.id,
      organizationId,
      refreshTokenHash: hashOfRefreshToken(refreshToken),
      createdAt: now,
      lastUsedAt: now,
      expiresAt: new Date(nowMs + REFRESH_TOKEN_LIFE_MS),
      ...clientColumns(client),
    });
    const names = { userId: user.id, sessionId };
    await recordAudit(tx, auditedAs(names, client), {
      organizationId,
      action: 'auth.sign_in',
      target: { type: 'session', id: sessionId },
    });
    return { ...names, refreshToken };
  };
}
