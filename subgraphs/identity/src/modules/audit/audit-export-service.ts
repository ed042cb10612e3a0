import { createHash, randomBytes } from 'node:crypto';
import { recordAudit, type AuditedBy } from '@weir/graphql/audit';
import { idOfActor, requireSignedIn } from '@weir/graphql/authorization';
import { userError, type UserErrorValue } from '@weir/graphql/user-errors';
import type { Clock } from '@weir/kernel/clock';
import { AppError } from '@weir/kernel/errors';
import { encodeId, newUuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import type { ActorScope } from '../../actor-scope.ts';
import type { AuditErrorCode } from '../../generated/resolvers-types.ts';
import { exportContent, summaryOf, type ExportFormat } from './audit-export-content.ts';
import { createAuditExportStore, type AuditExport } from './audit-export-store.ts';
import type { AuditConditions } from './audit-filter.ts';
import { createAuditStore } from './audit-store.ts';
import { authorizeTrail, trailTarget, withTrail, type TrailOwner } from './trail.ts';

export interface CreatedExport extends AuditExport {
  /** Shown once; whoever has it gets the file until it expires. */
  readonly url: string;
}

export interface AuditExports {
  /**
   * A link to a file of the events that fit, which must lie within a bounded range of time.
   * @throws AppError UNAUTHENTICATED, NOT_FOUND for another organization, or FORBIDDEN.
   */
  create(
    scope: ActorScope,
    owner: TrailOwner,
    conditions: AuditConditions,
    format: ExportFormat,
  ): Promise<Result<CreatedExport, readonly UserErrorValue<AuditErrorCode>[]>>;
  /**
   * What the token of a link opens, and the file in parts.
   * @throws AppError NOT_FOUND when there is no such link any more.
   */
  download(
    token: string,
    by: Omit<AuditedBy, 'actor'>,
  ): Promise<{ readonly exported: AuditExport; readonly content: AsyncIterable<string> }>;
}

export interface AuditExportsDeps {
  readonly db: Database;
  readonly clock: Clock;
  /** At which clients reach the platform. */
  readonly publicUrl: string;
}

const RANGE_DAYS_MAX = 366;
const DAY_MS = 86_400_000;
const EVENTS_MAX = 100_000;
const LINK_LIFE_MS = DAY_MS;
export const EXPORT_PATH = '/v1/audit/exports/';

const hashOf = (token: string) => new Uint8Array(createHash('sha256').update(token).digest());

function isBounded({ since, until }: AuditConditions): boolean {
  return (
    since !== undefined && until !== undefined && until.getTime() - since.getTime() <= RANGE_DAYS_MAX * DAY_MS
  );
}

export function createAuditExports({ db, clock, publicUrl }: AuditExportsDeps): AuditExports {
  return {
    async create(scope, owner, conditions, format) {
      await authorizeTrail(scope, owner);
      const actor = requireSignedIn(scope.identity);
      if (!isBounded(conditions)) {
        const message = `Give a range of at most ${RANGE_DAYS_MAX} days.`;
        return err([userError('INVALID_RANGE', message, 'filter', 'range')]);
      }
      const { events, lastSequence } = await withTrail(db, owner, (tx) =>
        createAuditStore(tx).count(conditions, EVENTS_MAX + 1),
      );
      if (events > EVENTS_MAX) {
        const message = `More than ${EVENTS_MAX} events fit. Export a shorter range, and the rest after it.`;
        return err([userError('TOO_MANY_EVENTS', message, 'filter')]);
      }
      const selection = { owner, conditions, format, lastSequence };
      const summary = await summaryOf(exportContent(db, selection));
      const nowMs = clock.now();
      const id = newUuid(nowMs);
      const token = randomBytes(32).toString('base64url');
      const expiresAt = new Date(nowMs + LINK_LIFE_MS);
      const exported = { ...summary, id, selection, events, createdAt: new Date(nowMs), expiresAt };
      const createdBy = idOfActor(actor);
      await withTrail(db, owner, async (tx) => {
        const store = createAuditExportStore(tx);
        await store.removeExpired();
        await store.insert(exported, hashOf(token), createdBy);
        await recordAudit(tx, scope.identity, {
          organizationId: owner,
          action: 'audit.export',
          target: trailTarget(owner),
          metadata: { exportId: encodeId('auditExport', id), format, events, ...conditions },
        });
      });
      return ok({ ...exported, url: publicUrl.replace(/\/+$/, '') + EXPORT_PATH + token });
    },

    async download(token, by) {
      const tokenHash = hashOf(token);
      const credential = Buffer.from(tokenHash).toString('hex');
      const exported = await withTenant(db, { credential }, (tx) =>
        createAuditExportStore(tx).byToken(tokenHash),
      );
      if (!exported || exported.expiresAt.getTime() <= clock.now()) {
        throw new AppError('NOT_FOUND', 'This link has expired. Export again.');
      }
      const { owner } = exported.selection;
      await recordAudit(
        db,
        { ...by, actor: { type: 'anonymous' } },
        {
          organizationId: owner,
          action: 'audit.download',
          target: { type: 'auditExport', id: exported.id },
        },
      );
      return { exported, content: exportContent(db, exported.selection) };
    },
  };
}
