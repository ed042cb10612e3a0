import type { Uuid } from '@weir/kernel/ids';
import type { Role } from '../roles/role.ts';
import type { PersonStatus } from '../users/user.ts';

/** A person's place in an organization; also of somebody who is invited and has not come yet. */
export interface Membership {
  readonly id: Uuid;
  readonly organizationId: Uuid;
  /** Null while invited: who accepts decides whose it is. */
  readonly userId: Uuid | null;
  /** The address that was invited; null once somebody has accepted. */
  readonly email: string | null;
  readonly role: Role;
  readonly status: PersonStatus;
  /** Null unless suspended. */
  readonly suspension: Suspension | null;
  /** Grows with every change. */
  readonly version: number;
  /** When the person was invited, or joined without an invitation. */
  readonly createdAt: Date;
}

export interface Suspension {
  readonly at: Date;
  readonly reason: string;
}

/** A membership that somebody has. */
export type PersonsMembership = Membership & { readonly userId: Uuid };

export const isPersons = (membership: Membership): membership is PersonsMembership =>
  membership.userId !== null;
