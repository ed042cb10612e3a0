import type { PresentedFrom } from '@weir/contracts/internal-identity';
import { recordAudit } from '@weir/graphql/audit';
import type { BoundedAudit } from '@weir/graphql/bounded-audit';
import type { ErrorCode } from '@weir/kernel/errors';
import type { Database } from '@weir/prisma/database';
import type { ApiKey } from '../api-keys/api-key.ts';

/** A key of the organization was presented that works no more: somebody still has it. */
export type OnRefusedKey = (apiKey: ApiKey, reason: ErrorCode, from: PresentedFrom | undefined) => void;

/** Writes it to the organization's trail. */
export function createRefusedKeyAudit(deps: {
  readonly db: Database;
  readonly refusals: BoundedAudit;
}): OnRefusedKey {
  const { db, refusals } = deps;
  return ({ id, accountId, organizationId, name }, reason, from) =>
    refusals.note(`key ${id}`, (leftOut) =>
      recordAudit(
        db,
        {
          actor: { type: 'apiKey', apiKeyId: id, accountId },
          ipAddress: from?.ipAddress ?? null,
          userAgent: from?.userAgent ?? null,
          requestId: from?.requestId ?? null,
        },
        {
          organizationId,
          action: 'auth.apikey',
          target: { type: 'apiKey', id, name },
          result: 'DENIED',
          metadata: { reason, ...(leftOut > 0 && { leftOut }) },
        },
      ),
    );
}
