import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { recordAudit } from '@weir/graphql/audit';
import { authorize, canSee, requireSignedIn } from '@weir/graphql/authorization';
import { connectionOf, pageOf, type Connection, type ConnectionArgs } from '@weir/graphql/connection';
import { userError } from '@weir/graphql/user-errors';
import type { Clock } from '@weir/kernel/clock';
import { AppError } from '@weir/kernel/errors';
import type { Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import { tenantOf } from '../../actor-scope.ts';
import { creationOrder, creationPosition } from '../../creation-order.ts';
import { createMembershipStore } from '../members/membership-store.ts';
import type { Membership } from '../members/membership.ts';
import { admitsMembers } from '../organizations/organization.ts';
import { createSessionStore } from './session-store.ts';
import { readSessionRecord } from './session-record.ts';
import type { Session } from './session.ts';
import type { SessionProblem } from './second-step.ts';
import { standingOfSession } from './standing.ts';

export interface SessionManagement {
  /** One's own that go on, the latest first; empty for a program. */
  own(identity: InternalIdentity, args: ConnectionArgs): Promise<Connection<Session>>;
  /** A member's in the organization; null for those who may not see them. @throws AppError FORBIDDEN. */
  ofMember(
    identity: InternalIdentity,
    membership: Pick<Membership, 'userId' | 'organizationId'>,
    args: ConnectionArgs,
  ): Promise<Connection<Session> | null>;
  /**
   * Ends one's own session or a member's. Answers how many ended: none when it was over.
   * @throws AppError NOT_FOUND or FORBIDDEN.
   */
  revoke(identity: InternalIdentity, sessionId: Uuid): Promise<number>;
  /** Ends all of a member in the organization, or one's own but the current one. @throws AppError FORBIDDEN. */
  revokeAll(identity: InternalIdentity, userId: Uuid | null): Promise<Result<number, SessionProblem>>;
  /** From here on the session acts in another organization of its person. */
  switchTo(
    identity: InternalIdentity,
    organizationId: Uuid,
  ): Promise<Result<Pick<InternalIdentity, 'actor' | 'organizationId' | 'permissions'>, SessionProblem>>;
}

const ORDER = creationOrder<Session>('sessions.createdAt');
const EMPTY: Connection<Session> = connectionOf([], pageOf({}, ORDER), ORDER);
const NO_SESSION = userError('NOT_A_SESSION', 'An API key has no sessions. Sign in as a person.');
const NOT_A_MEMBER = userError('NOT_A_MEMBER', 'You are no active member of such an organization.', 'organizationId'); // prettier-ignore

export function createSessionManagement({
  db,
  clock,
}: {
  readonly db: Database;
  readonly clock: Clock;
}): SessionManagement {
  function list(
    identity: InternalIdentity,
    whose: { readonly userId: Uuid; readonly organizationId?: Uuid },
    args: ConnectionArgs,
  ): Promise<Connection<Session>> {
    const page = pageOf(args, ORDER);
    const after = creationPosition(page.after);
    return withTenant(db, tenantOf(identity), async (tx) => {
      const rows = await createSessionStore(tx).living(whose, new Date(clock.now()), {
        after,
        take: page.take,
      });
      return connectionOf(rows, page, ORDER);
    });
  }

  return {
    own: async (identity, args) =>
      identity.actor.type === 'user' ? list(identity, { userId: identity.actor.userId }, args) : EMPTY,

    async ofMember(identity, { userId, organizationId }, args) {
      if (userId === null) return null;
      const isOneself = identity.actor.type === 'user' && identity.actor.userId === userId;
      if (!isOneself && !canSee(identity, 'session:read', { organizationId })) return null;
      return list(identity, { userId, organizationId }, args);
    },

    async revoke(identity, sessionId) {
      const actor = requireSignedIn(identity);
      return withTenant(db, tenantOf(identity), async (tx) => {
        const sessions = createSessionStore(tx);
        const session = await sessions.byId(sessionId);
        if (!session) throw new AppError('NOT_FOUND', 'There is no session with this id.');
        const { userId, organizationId } = session;
        const isOwn = actor.type === 'user' && actor.userId === userId;
        if (!isOwn) {
          if (organizationId === null) throw new AppError('NOT_FOUND', 'There is no session with this id.');
          authorize(identity, 'session:end', { organizationId });
        }
        const ended = await sessions.revoke(sessionId, new Date(clock.now()));
        await recordAudit(tx, identity, {
          organizationId,
          action: 'auth.session.revoke',
          target: { type: 'session', id: sessionId },
          metadata: { userId, endedSessions: ended },
        });
        return ended;
      });
    },

    async revokeAll(identity, userId) {
      const actor = requireSignedIn(identity);
      const { organizationId } = identity;
      const at = new Date(clock.now());
      if (userId === null || (actor.type === 'user' && actor.userId === userId)) {
        if (actor.type !== 'user') return err(NO_SESSION);
        return withTenant(db, { userId: actor.userId }, async (tx) => {
          const ended = await createSessionStore(tx).revokeAllOf(actor.userId, at, { but: actor.sessionId });
          const target = { type: 'user', id: actor.userId } as const;
          await recordAudit(tx, identity, { organizationId, action: 'auth.session.revoke', target, metadata: { endedSessions: ended } }); // prettier-ignore
          return ok(ended);
        });
      }
      if (organizationId === null) throw new AppError('NOT_FOUND', 'There is nothing with this id.');
      authorize(identity, 'session:end', { organizationId });
      return withTenant(db, { organizationId }, async (tx) => {
        const member = await createMembershipStore(tx).ofUser(organizationId, userId);
        if (!member) throw new AppError('NOT_FOUND', 'There is nothing with this id.');
        const ended = await createSessionStore(tx).revokeAllOf(userId, at, { in: organizationId });
        const target = { type: 'user', id: userId } as const;
        await recordAudit(tx, identity, { organizationId, action: 'auth.session.revoke', target, metadata: { endedSessions: ended } }); // prettier-ignore
        return ok(ended);
      });
    },

    async switchTo(identity, organizationId) {
      const actor = requireSignedIn(identity);
      if (actor.type !== 'user') return err(NO_SESSION);
      return withTenant(db, { userId: actor.userId }, async (tx) => {
        const record = await readSessionRecord(tx, actor, organizationId);
        const { membership, organization } = record ?? {};
        if (!record || membership?.status !== 'ACTIVE' || !organization || !admitsMembers(organization)) {
          return err(NOT_A_MEMBER);
        }
        const session = { ...record.session, organizationId };
        const standing = standingOfSession({ ...record, session }, clock.now());
        if (!standing) throw new AppError('UNAUTHENTICATED', 'The session has ended. Sign in again.');
        await createSessionStore(tx).moveTo(session.id, organizationId);
        const target = { type: 'session', id: session.id } as const;
        await recordAudit(tx, identity, { organizationId, action: 'auth.organization.switch', target });
        return ok(standing);
      });
    },
  };
}
