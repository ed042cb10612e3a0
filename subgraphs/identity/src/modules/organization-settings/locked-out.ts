import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { userError, type UserErrorValue } from '@weir/graphql/user-errors';
import { cidrContains, parseCidr } from '@weir/kernel/cidr';
import type { OrganizationSettings } from './organization-settings.ts';

/** A person who restricts the addresses to others than their own would undo what lets them mend it. */
export function lockedOutBy(
  { signInAllowIps }: Pick<OrganizationSettings, 'signInAllowIps'>,
  { actor, ipAddress }: InternalIdentity,
): UserErrorValue<'INVALID_SETTING'> | undefined {
  const own = ipAddress === null ? undefined : parseCidr(ipAddress);
  if (signInAllowIps === null || actor.type !== 'user' || !own) return undefined;
  const isIn = signInAllowIps.some((entry) => {
    const network = parseCidr(entry);
    return network !== undefined && cidrContains(network, own);
  });
  if (isIn) return undefined;
  const message = `This would lock you out: the list does not hold your own address, ${String(ipAddress)}.`;
  return userError('INVALID_SETTING', message, 'signInAllowIps');
}
