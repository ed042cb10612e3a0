import { cidrContains, parseCidr } from '@weir/kernel/cidr';
import { AppError } from '@weir/kernel/errors';
import type { Actor } from './authenticator.ts';

/**
 * The lists of an API key and of everything above it bind here as they do on the inference path: each of them must hold
 * the address.
 * @throws AppError IP_NOT_ALLOWED, also when the address is not known.
 */
export function requireAllowedAddress({ allowIps }: Pick<Actor, 'allowIps'>, address: string | null): void {
  if (!allowIps || allowIps.length === 0) return;
  const own = parseCidr(address ?? '');
  const isAllowed = allowIps.every((list) =>
    list.some((entry) => {
      const network = parseCidr(entry);
      return network !== undefined && own !== undefined && cidrContains(network, own);
    }),
  );
  if (isAllowed) return;
  const message = `The address ${address ?? 'of this request'} is not in the list that this API key is bound to.`;
  throw new AppError('IP_NOT_ALLOWED', message);
}
