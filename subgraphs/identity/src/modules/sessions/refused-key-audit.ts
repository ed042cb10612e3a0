import { recordAudit } from '@weir/graphql/audit';
import type { BoundedAudit } from '@weir/graphql/bounded-audit';
import type { ErrorCode } from '@weir/kernel/errors';
import type { Database } from '@weir/prisma/database';
import type { ApiKey } from '../api-keys/api-key.ts';

/** A key of the organization was presented that works no more: somebody still has it. */
export type OnRefusedKey = (apiKey: ApiKey, reason: ErrorCode) => void;

/** Writes it to the organization's trail. The address is not known here: the gateway only asks whose the key is. */
export function createRefusedKeyAudit(deps: {
  readonly db: Database;
  readonly refusals: BoundedAudit;
}): OnRefusedKey {
  const { db, refusals } = deps;
  return ({ id, accountId, organizationId, name }, reason) =>
    refusals.note(`key ${id}`, (leftOut) =>
      recordAudit(
        db,
        {
          actor: { type: 'apiKey', apiKeyId: id, accountId },
          ipAddress: null,
          userAgent: null,
          requestId: null,
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
