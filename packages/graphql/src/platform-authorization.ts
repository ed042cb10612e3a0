import type { InternalIdentity } from '@weir/contracts/internal-identity';
import {
  permissionsOfPlatformRole,
  PLATFORM_ACTIONS,
  type PlatformAction,
  type PlatformPermission,
  type PlatformRole,
} from '@weir/contracts/platform-matrix';
import { AppError } from '@weir/kernel/errors';
import { requireSignedIn, type SignedInActor } from './authorization.ts';

/** A person who operates the platform. */
export type PlatformActor = Extract<SignedInActor, { readonly type: 'user' }> & {
  readonly platformRole: PlatformRole;
};

type Acting = Pick<InternalIdentity, 'actor'>;

/** Empty for everybody who does not operate the platform. */
export function platformPermissionsOf({ actor }: Acting): readonly PlatformPermission[] {
  const role = actor.type === 'user' ? actor.platformRole : undefined;
  return role === undefined ? [] : permissionsOfPlatformRole(role);
}

/** For what others may do, too. */
export function mayOnPlatform(identity: Acting, name: PlatformAction): boolean {
  return platformPermissionsOf(identity).includes(PLATFORM_ACTIONS[name]);
}

/**
 * Returns who acts when the action is permitted.
 * @throws AppError UNAUTHENTICATED or FORBIDDEN.
 */
export function authorizePlatform(identity: Acting, name: PlatformAction): PlatformActor {
  const actor = requireSignedIn(identity);
  if (actor.type === 'user' && actor.platformRole !== undefined && mayOnPlatform(identity, name)) {
    return { ...actor, platformRole: actor.platformRole };
  }
  const permission = PLATFORM_ACTIONS[name];
  const detail = `This needs the permission ${permission}, which only people who operate the platform have.`;
  throw new AppError('FORBIDDEN', detail, { details: { action: name, permission } });
}
