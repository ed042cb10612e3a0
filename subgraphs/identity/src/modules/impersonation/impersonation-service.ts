import { recordAudit } from '@weir/graphql/audit';
import { authorize, requireSignedIn } from '@weir/graphql/authorization';
import { connectionOf, pageOf, type Connection, type ConnectionArgs } from '@weir/graphql/connection';
import { userError } from '@weir/graphql/user-errors';
import { AppError } from '@weir/kernel/errors';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import { withTenant } from '@weir/prisma/tenant';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import { creationOrder, creationPosition } from '../../creation-order.ts';
import { createSessionStore } from '../sessions/session-store.ts';
import type { ImpersonationDeps } from './impersonation-deps.ts';
import { createImpersonationStore } from './impersonation-store.ts';
import { CONSENT_MINUTES, hashOfConsentToken, newConsentToken, type Impersonation } from './impersonation.ts';
import {
  createStart,
  type ImpersonationProblem,
  type ImpersonationStart,
  type StartedImpersonation,
} from './start-impersonation.ts';

export interface Consent {
  /** Shown this once. */
  readonly token: string;
  readonly expiresAt: Date;
}

type Answer<T> = Promise<Result<T, readonly ImpersonationProblem[]>>;

/** Each throws AppError UNAUTHENTICATED, NOT_FOUND or FORBIDDEN. */
export interface ImpersonationService {
  /** Lets support look into an organization, once: for its Owners and Admins. */
  grantConsent(scope: ActorScope, organizationId: Uuid, minutes?: number): Answer<Consent>;
  /** For people who operate the platform. */
  start(scope: ActorScope, start: ImpersonationStart): Answer<StartedImpersonation>;
  /** By whoever looks, or by an Owner or Admin of the organization. */
  stop(scope: ActorScope, id: Uuid): Answer<Impersonation>;
  /** The latest first. */
  list(scope: ActorScope, organizationId: Uuid, args: ConnectionArgs): Promise<Connection<Impersonation>>;
  /** As what the actor looks into the organization; null for everybody who belongs to it. */
  current(scope: ActorScope): Promise<Impersonation | null>;
}

const ORDER = creationOrder<Impersonation>('impersonations.createdAt');
const INVALID_MINUTES = userError('INVALID_TTL', `Choose ${CONSENT_MINUTES.min} to ${CONSENT_MINUTES.max} minutes.`, 'expiresInMinutes'); // prettier-ignore
const NOT_ACTIVE = userError('NOT_ACTIVE', 'It has ended already.', 'id');

export function createImpersonationService(deps: ImpersonationDeps): ImpersonationService {
  const { db, clock } = deps;
  return {
    start: createStart(deps),

    async grantConsent(scope, organizationId, minutes = CONSENT_MINUTES.default) {
      const actor = authorize(scope.identity, 'support:consent', { organizationId });
      if (actor.type !== 'user') throw new AppError('FORBIDDEN', 'A person must consent, not a program.');
      const fits =
        Number.isInteger(minutes) && minutes >= CONSENT_MINUTES.min && minutes <= CONSENT_MINUTES.max;
      if (!fits) return err([INVALID_MINUTES]);
      const nowMs = clock.now();
      const [createdAt, expiresAt] = [new Date(nowMs), new Date(nowMs + minutes * 60_000)];
      const token = newConsentToken();
      await withTenant(db, tenantOf(scope.identity), async (tx) => {
        const consent = { id: newUuid(nowMs), organizationId, grantedBy: actor.userId, createdAt, expiresAt };
        await createImpersonationStore(tx).insertConsent(consent, hashOfConsentToken(token));
        await recordAudit(tx, scope.identity, {
          organizationId,
          action: 'support.consent',
          target: { type: 'organization', id: organizationId },
          metadata: { minutes },
        });
      });
      return ok({ token, expiresAt });
    },

    async stop(scope, id) {
      const { identity } = scope;
      const actor = requireSignedIn(identity);
      const found = await withTenant(db, tenantOf(identity), (tx) => createImpersonationStore(tx).byId(id));
      if (!found) throw new AppError('NOT_FOUND', 'There is nothing with this id.');
      const { organizationId, sessionId, supportEmail } = found;
      if (actor.type !== 'user' || actor.userId !== found.supportUserId) {
        authorize(identity, 'support:consent', { organizationId });
      }
      return withTenant(
        db,
        { organizationId },
        async (tx): Promise<Result<Impersonation, readonly ImpersonationProblem[]>> => {
          const at = new Date(clock.now());
          if (!(await createImpersonationStore(tx).end(id, at))) return err([NOT_ACTIVE]);
          await createSessionStore(tx).revoke(sessionId, at);
          await recordAudit(tx, identity, {
            organizationId,
            action: 'support.impersonation.stop',
            target: { type: 'impersonation', id, name: supportEmail },
          });
          return ok({ ...found, endedAt: at });
        },
      );
    },

    async list(scope, organizationId, args) {
      authorize(scope.identity, 'organization:read', { organizationId });
      const page = pageOf(args, ORDER);
      const after = creationPosition(page.after);
      const rows = await withTenant(db, tenantOf(scope.identity), (tx) =>
        createImpersonationStore(tx).list(organizationId, after, page.take),
      );
      return connectionOf(rows, page, ORDER);
    },

    async current({ identity }) {
      const { actor } = identity;
      const id = actor.type === 'user' ? actor.impersonationId : undefined;
      if (id === undefined) return null;
      const found = await withTenant(db, tenantOf(identity), (tx) => createImpersonationStore(tx).byId(id));
      return found ?? null;
    },
  };
}
