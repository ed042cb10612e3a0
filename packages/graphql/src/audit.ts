import type { AuditAction, AuditResult, AuditTargetType } from '@weir/contracts/audit';
import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { assertNever } from '@weir/kernel/assert-never';
import type { Uuid } from '@weir/kernel/ids';
import { auditMetadata, auditText, type AuditMetadata } from './audit-metadata.ts';

/** Who did it and from where: the identity that the gateway vouches for, or `auditedBySystem`. */
export interface AuditedBy {
  readonly actor: InternalIdentity['actor'] | { readonly type: 'system' };
  readonly requestId: string | null;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
}

/** What the platform does by itself, without a request. */
export const auditedBySystem: AuditedBy = {
  actor: { type: 'system' },
  requestId: null,
  ipAddress: null,
  userAgent: null,
};

export interface AuditEntry {
  /** Whose trail it belongs to; null for the platform's own. */
  readonly organizationId: Uuid | null;
  readonly action: AuditAction;
  /** The name is what the thing is called now: it is searched, and stays when the thing is renamed or gone. */
  readonly target: {
    readonly type: AuditTargetType;
    readonly id: Uuid | null;
    readonly name?: string | undefined;
  };
  /** SUCCESS unless told. */
  readonly result?: AuditResult;
  /** What else is to be known, for example `changesOf` an update. Never a secret. */
  readonly metadata?: AuditMetadata;
}

/** A transaction of Prisma, or a client where there is none. */
export interface AuditTransaction {
  $executeRaw(query: TemplateStringsArray, ...values: unknown[]): PromiseLike<number>;
}

const TEXT_MAX = 512;

function bounded(text: string | null | undefined): string | null {
  return text === null || text === undefined ? null : auditText(text, TEXT_MAX);
}

/** The columns that say who acted. */
function actorColumns({ actor }: AuditedBy): { readonly id: Uuid | null; readonly sessionId: Uuid | null } {
  switch (actor.type) {
    case 'user':
      return { id: actor.userId, sessionId: actor.sessionId };
    case 'apiKey':
      return { id: actor.apiKeyId, sessionId: null };
    case 'client':
      return { id: actor.clientId, sessionId: null };
    case 'anonymous':
    case 'system':
      return { id: null, sessionId: null };
    default:
      return assertNever(actor);
  }
}

/**
 * Writes one event to the trail of an organization, in the transaction that it tells of: both happen or neither does.
 * Call it last in the transaction, as it holds the head of the organization's chain until the end.
 */
export async function recordAudit(tx: AuditTransaction, by: AuditedBy, entry: AuditEntry): Promise<void> {
  const { organizationId, action, target, result = 'SUCCESS', metadata = {} } = entry;
  const { id, sessionId } = actorColumns(by);
  await tx.$executeRaw`select audit.record(
    ${organizationId}::uuid, ${by.actor.type}, ${id}::uuid, ${sessionId}::uuid, ${action}, ${target.type},
    ${target.id}::text, ${bounded(target.name)}::text, ${result}, ${bounded(by.ipAddress)}::text,
    ${bounded(by.userAgent)}::text, ${bounded(by.requestId)}::text, ${auditMetadata(metadata)})`;
}
