import { recordAudit } from '@weir/graphql/audit';
import { canSee } from '@weir/graphql/authorization';
import { connectionOf, pageOf, type Connection, type ConnectionArgs } from '@weir/graphql/connection';
import type { KeysetOrder } from '@weir/graphql/connection';
import { authorizePlatform, mayOnPlatform } from '@weir/graphql/platform-authorization';
import { AppError } from '@weir/kernel/errors';
import type { Uuid } from '@weir/kernel/ids';
import type { TransactionOptions } from '@weir/prisma/tenant';
import type { ActorScope } from '../../actor-scope.ts';
import type { AuditEvent } from './audit-event.ts';
import { createAuditExports, type AuditExports, type AuditExportsDeps } from './audit-export-service.ts';
import type { AuditConditions } from './audit-filter.ts';
import { createAuditStore } from './audit-store.ts';
import { verifyChain, type ChainAnchor, type ChainVerification } from './audit-verification.ts';
import { authorizeTrail, trailTarget, withTrail, type TrailOwner } from './trail.ts';

/** @throws AppError UNAUTHENTICATED, NOT_FOUND for another organization, or FORBIDDEN, from every one of them. */
export interface AuditService {
  readonly exports: AuditExports;
  /** Null when there is none that the actor can see. */
  byId(scope: ActorScope, id: Uuid): Promise<AuditEvent | null>;
  /** The newest first. */
  list(
    scope: ActorScope,
    owner: TrailOwner,
    conditions: AuditConditions,
    args: ConnectionArgs,
  ): Promise<Connection<AuditEvent>>;
  /** Walks the whole chain, and writes into it that somebody did. */
  verify(scope: ActorScope, owner: TrailOwner, anchors: readonly ChainAnchor[]): Promise<ChainVerification>;
}

const ORDER: KeysetOrder<AuditEvent> = {
  name: 'auditEvents.sequence',
  keyCount: 1,
  keysOf: (event) => [String(event.sequence)],
};

/** A snapshot of a chain of millions of events takes its time. */
const VERIFICATION: TransactionOptions = { isolationLevel: 'RepeatableRead', timeoutMs: 120_000 };

function sequenceOf(keys: readonly string[] | undefined): bigint | undefined {
  const text = keys?.[0];
  if (text === undefined) return undefined;
  if (!/^\d{1,18}$/.test(text)) {
    throw new AppError('BAD_USER_INPUT', 'after must be an endCursor of the same list.', { param: 'after' });
  }
  return BigInt(text);
}

export function createAuditService(deps: AuditExportsDeps): AuditService {
  const { db } = deps;
  return {
    exports: createAuditExports(deps),

    async byId(scope, id) {
      const { organizationId } = scope.identity;
      if (organizationId !== null && canSee(scope.identity, 'audit:read', { organizationId })) {
        await authorizeTrail(scope, organizationId);
        const event = await withTrail(db, organizationId, (tx) => createAuditStore(tx).byId(id));
        if (event) return event;
      }
      if (!mayOnPlatform(scope.identity, 'platformAudit:read')) {
        if (organizationId === null) authorizePlatform(scope.identity, 'platformAudit:read');
        return null;
      }
      return (await withTrail(db, null, (tx) => createAuditStore(tx).byId(id))) ?? null;
    },

    async list(scope, owner, conditions, args) {
      await authorizeTrail(scope, owner);
      const page = pageOf(args, ORDER);
      const before = sequenceOf(page.after);
      const rows = await withTrail(db, owner, (tx) =>
        createAuditStore(tx).list(conditions, { before, take: page.take }),
      );
      return connectionOf(rows, page, ORDER);
    },

    async verify(scope, owner, anchors) {
      await authorizeTrail(scope, owner);
      const verification = await withTrail(db, owner, (tx) => verifyChain(tx, anchors), VERIFICATION);
      const { checkedEvents, problem } = verification;
      await recordAudit(db, scope.identity, {
        organizationId: owner,
        action: 'audit.verify',
        target: trailTarget(owner),
        result: problem === null ? 'SUCCESS' : 'FAILURE',
        metadata: {
          checkedEvents,
          ...(problem && { problem: { kind: problem.kind, sequence: problem.sequence } }),
        },
      });
      return verification;
    },
  };
}
