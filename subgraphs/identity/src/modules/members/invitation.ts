import { createHash, randomBytes } from 'node:crypto';
import type { Uuid } from '@weir/kernel/ids';

const INVITATION_STATUSES = ['PENDING', 'ACCEPTED', 'REVOKED'] as const;

export type InvitationStatus = (typeof INVITATION_STATUSES)[number];

/** What was sent to somebody who is to join. */
export interface Invitation {
  /** Also the id of the membership that it leads to. */
  readonly id: Uuid;
  readonly organizationId: Uuid;
  /** In the form of `normalizeEmail`. */
  readonly email: string;
  readonly message: string | null;
  readonly status: InvitationStatus;
  /** The user who invited. */
  readonly invitedBy: Uuid;
  readonly createdAt: Date;
  /** When its newest token was sent. */
  readonly sentAt: Date;
  readonly expiresAt: Date;
  /** When it was accepted or revoked. */
  readonly settledAt: Date | null;
}

/** A status that this version does not know lets nobody in. */
export function toInvitationStatus(text: string): InvitationStatus {
  return INVITATION_STATUSES.find((known) => known === text) ?? 'REVOKED';
}

export function isOpen(invitation: Invitation, nowMs: number): boolean {
  return invitation.status === 'PENDING' && nowMs < invitation.expiresAt.getTime();
}

const PREFIX = 'win_';

/** 256 random bits: nobody guesses one, so a fast hash of it is as good as a slow one. */
export function newInvitationToken(): string {
  return PREFIX + randomBytes(32).toString('base64url');
}

export function hashOfInvitationToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
