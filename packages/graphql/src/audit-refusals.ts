import type { GraphQLError } from 'graphql';
import type { InternalIdentity } from '@weir/contracts/internal-identity';
import type { AppError } from '@weir/kernel/errors';
import { recordAudit, type AuditTransaction } from './audit.ts';
import { idOfActor, isHiding } from './authorization.ts';
import type { BoundedAudit } from './bounded-audit.ts';
import { appErrorBehind } from './format-error.ts';

/** Told of every operation in which somebody was refused something. */
export type OnErrors = (identity: InternalIdentity, errors: readonly GraphQLError[]) => void;

/** What somebody may not do, or what belongs to somebody else and was therefore said to be absent. */
function refusalOf(error: GraphQLError): AppError | undefined {
  const appError = appErrorBehind(error);
  return appError.code === 'FORBIDDEN' || isHiding(appError) ? appError : undefined;
}

/**
 * Writes refusals to the audit trail of whoever was refused: one event for an operation, however many of its fields were
 * refused. Strangers are refused everything and not recorded.
 */
export function createRefusalAudit(db: AuditTransaction, bounded: BoundedAudit): OnErrors {
  return (identity, errors) => {
    const { actor, organizationId } = identity;
    if (actor.type === 'anonymous') return;
    const refused = errors.flatMap((error) => {
      const appError = refusalOf(error);
      return appError ? [{ appError, field: error.path?.join('.') }] : [];
    });
    const [first] = refused;
    if (!first) return;
    const { appError, field } = first;
    bounded.note(idOfActor(actor), (leftOut) =>
      recordAudit(db, identity, {
        organizationId,
        action: 'access.denied',
        target: { type: 'operation', id: null, name: field },
        result: 'DENIED',
        metadata: {
          ...appError.details,
          reason: isHiding(appError) ? 'another organization' : appError.detail,
          ...(refused.length > 1 && { fields: refused.length }),
          ...(leftOut > 0 && { leftOut }),
        },
      }),
    );
  };
}
