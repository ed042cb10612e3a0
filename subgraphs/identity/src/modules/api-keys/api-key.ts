import { createHash } from 'node:crypto';
import type { Uuid } from '@weir/kernel/ids';
import type { AccessSettings } from '../access/access-change.ts';
import type { Scope } from '@weir/contracts/permission-matrix';

export const DISCONNECT_POLICIES = ['ABORT', 'DRAIN'] as const;

export type DisconnectPolicy = (typeof DISCONNECT_POLICIES)[number];

export const ENVIRONMENTS = ['DEVELOPMENT', 'STAGING', 'PRODUCTION'] as const;

export type Environment = (typeof ENVIRONMENTS)[number];

export interface ApiKey extends AccessSettings {
  readonly id: Uuid;
  readonly organizationId: Uuid;
  readonly accountId: Uuid;
  readonly name: string;
  readonly prefix: string;
  readonly last4: string;
  readonly scopes: readonly Scope[];
  /** Null unless revoked. */
  readonly revokedAt: Date | null;
  /** Waits for the member whose key it is to be reactivated. */
  readonly isSuspended: boolean;
  /** Null when it does not expire. */
  readonly expiresAt: Date | null;
  readonly disconnectPolicy: DisconnectPolicy;
  /** Which revisions of models it reaches. */
  readonly environment: Environment;
  readonly hasSigningSecret: boolean;
  /** Whether a request without a valid signature is refused. */
  readonly requiresSignature: boolean;
  /** The key that this one takes over from. */
  readonly replacesId: Uuid | null;
  /** The first key of its rotations; null for that one itself. */
  readonly lineageId: Uuid | null;
  /** Grows with every change. */
  readonly version: number;
  readonly createdAt: Date;
}

export type ApiKeyStatus = 'ACTIVE' | 'SUSPENDED' | 'REVOKED' | 'EXPIRED';

/** A revoked key stays revoked after its expiry, and an expired one expired whatever becomes of its member. */
export function statusOf(
  key: Pick<ApiKey, 'revokedAt' | 'expiresAt' | 'isSuspended'>,
  nowMs: number,
): ApiKeyStatus {
  if (key.revokedAt !== null) return 'REVOKED';
  if (key.expiresAt !== null && key.expiresAt.getTime() <= nowMs) return 'EXPIRED';
  return key.isSuspended ? 'SUSPENDED' : 'ACTIVE';
}

/** What is kept of the secret. It has 232 random bits, so a fast hash is as good as a slow one. */
export function hashOfSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
