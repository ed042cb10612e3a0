import type { InternalIdentity } from '@weir/contracts/internal-identity';
import type { Uuid } from '@weir/kernel/ids';
import type { FieldValues } from './organization-fields.ts';

export const CHANGE_KINDS = ['PROFILE', 'SETTINGS', 'PLAN', 'STATUS', 'DELETION', 'REVERT'] as const;

export type ChangeKind = (typeof CHANGE_KINDS)[number];

export const CHANGE_ACTOR_KINDS = ['USER', 'API_KEY', 'CLIENT', 'PLATFORM'] as const;

export type ChangeActorKind = (typeof CHANGE_ACTOR_KINDS)[number];

/** Who changed what of an organization itself. */
export interface OrganizationChange {
  readonly id: Uuid;
  readonly organizationId: Uuid;
  readonly kind: ChangeKind;
  /** PLATFORM for somebody who operates the platform and is no member. */
  readonly actorKind: ChangeActorKind;
  readonly actorId: Uuid | null;
  readonly fields: readonly string[];
  readonly before: FieldValues;
  readonly after: FieldValues;
  /** Of the organization, after the change. */
  readonly version: number;
  readonly revertsId: Uuid | null;
  readonly createdAt: Date;
}

/** How long a change of the profile can be taken back. */
export const REVERT_WITHIN_MS = 24 * 60 * 60_000;

export function actorOfChange(
  { actor, organizationId }: InternalIdentity,
  changed: Uuid,
): Pick<OrganizationChange, 'actorKind' | 'actorId'> {
  switch (actor.type) {
    case 'user':
      return { actorKind: organizationId === changed ? 'USER' : 'PLATFORM', actorId: actor.userId };
    case 'apiKey':
      return { actorKind: 'API_KEY', actorId: actor.apiKeyId };
    case 'client':
      return { actorKind: 'CLIENT', actorId: actor.clientId };
    default:
      throw new Error('an organization was changed by somebody who may not');
  }
}
