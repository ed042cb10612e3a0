import { createHash, randomBytes } from 'node:crypto';
import type { Uuid } from '@weir/kernel/ids';

/** That somebody who operates the platform looks into an organization, with its consent and without changing anything. */
export interface Impersonation {
  readonly id: Uuid;
  readonly organizationId: Uuid;
  readonly consentId: Uuid;
  readonly supportUserId: Uuid;
  /** As they were called then; the organization's members cannot see the person. */
  readonly supportName: string;
  readonly supportEmail: string;
  readonly sessionId: Uuid;
  readonly reason: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  /** Null unless it was ended before it expired. */
  readonly endedAt: Date | null;
}

export const REASON_LENGTH_MIN = 10;
export const TTL_MINUTES = { min: 5, max: 120 } as const;
export const CONSENT_MINUTES = { min: 5, max: 1_440, default: 60 } as const;

export function isActive({ endedAt, expiresAt }: Impersonation, nowMs: number): boolean {
  return endedAt === null && nowMs < expiresAt.getTime();
}

const PREFIX = 'wsc_';

/** 256 random bits that an Owner or Admin hands to support. */
export function newConsentToken(): string {
  return PREFIX + randomBytes(32).toString('base64url');
}

export function hashOfConsentToken(token: string): Buffer {
  return createHash('sha256').update(token.trim()).digest();
}
