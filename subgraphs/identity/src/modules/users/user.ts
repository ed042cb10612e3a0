import type { PlatformRole } from '@weir/contracts/platform-matrix';
import type { Uuid } from '@weir/kernel/ids';

const PERSON_STATUSES = ['ACTIVE', 'INVITED', 'SUSPENDED'] as const;

/** Of a user on the platform, or of a member in an organization. Only an active one may do anything. */
export type PersonStatus = (typeof PERSON_STATUSES)[number];

/** A status that this version does not know lets nobody in. */
export function toPersonStatus(text: string): PersonStatus {
  return PERSON_STATUSES.find((known) => known === text) ?? 'SUSPENDED';
}

export interface User {
  readonly id: Uuid;
  /** In the form of `normalizeEmail`. */
  readonly email: string;
  readonly displayName: string;
  readonly status: PersonStatus;
  /** What the person may do on the platform itself; null for nearly everybody. */
  readonly platformRole: PlatformRole | null;
  /** After breaking the glass, the password opens until then. */
  readonly breakGlassUntil: Date | null;
  readonly createdAt: Date;
}

const EMAIL_LENGTH_MAX = 254;
const EMAIL = /^[^\s\p{C}@"<>()[\]\\,;:]+@[^\s\p{C}@"<>()[\]\\,;:]+\.[^\s\p{C}@"<>()[\]\\,;:]+$/u;

/** One spelling per address, so that it can be looked up, locked and unique. Undefined when it cannot be an address. */
export function normalizeEmail(text: string): string | undefined {
  const email = text.trim().normalize('NFC').toLowerCase();
  return email.length <= EMAIL_LENGTH_MAX && EMAIL.test(email) ? email : undefined;
}
