import type { AuditActorType, AuditResult } from '@weir/contracts/audit';
import { encodeId, ID_PREFIXES, isUuid, type IdKind, type Uuid } from '@weir/kernel/ids';

/** One entry of the trail, as it was hashed. */
export interface AuditEvent {
  readonly id: Uuid;
  /** Null for an event of the platform itself. */
  readonly organizationId: Uuid | null;
  /** Its place in the chain, from 1. */
  readonly sequence: bigint;
  readonly occurredAt: Date;
  readonly actorType: AuditActorType;
  readonly actorId: Uuid | null;
  /** What the actor was called at that moment. */
  readonly actorName: string | null;
  readonly sessionId: Uuid | null;
  readonly action: string;
  readonly targetType: string;
  readonly targetId: string | null;
  readonly targetName: string | null;
  readonly result: AuditResult;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly requestId: string | null;
  /** Canonical JSON of an object. */
  readonly metadata: string;
  readonly previousHash: Uint8Array;
  readonly hash: Uint8Array;
}

function isIdKind(text: string): text is IdKind {
  return Object.hasOwn(ID_PREFIXES, text);
}

/** As people outside know the thing; what has no public form stays as it is. */
export function publicId(type: string, id: string | null): string | null {
  return id !== null && isUuid(id) && isIdKind(type) ? encodeId(type, id) : id;
}

export const actorIdOf = ({ actorType, actorId }: AuditEvent) => publicId(actorType, actorId);
export const targetIdOf = ({ targetType, targetId }: AuditEvent) => publicId(targetType, targetId);
export const hexOf = (hash: Uint8Array): string => Buffer.from(hash).toString('hex');
