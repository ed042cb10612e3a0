import { BlockList, isIP } from 'node:net';
import { formatAddress, parseCidr } from '@weir/kernel/cidr';

export type AddressOf = (peer: string | undefined, forwardedFor: string | undefined) => string;

/**
 * Who the client is. `X-Forwarded-For` counts only as far as each address behind it belongs to a configured proxy;
 * what lies further left anybody can write.
 * @param trustedProxies Addresses and networks.
 */
export function createAddressOf(trustedProxies: readonly string[]): AddressOf {
  const trusted = networkList(trustedProxies);
  return (peer, forwardedFor) => {
    let address = plainAddress(peer ?? '');
    if (forwardedFor === undefined || trustedProxies.length === 0) return address;
    const hops = forwardedFor.split(',');
    for (let index = hops.length - 1; index >= 0 && containsAddress(trusted, address); index--) {
      const hop = plainAddress((hops[index] ?? '').trim());
      if (isIP(hop) === 0) break;
      address = hop;
    }
    return address;
  };
}

/** Entries that are no address and no network match nothing. */
export function networkList(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const cidr = parseCidr(entry);
    if (!cidr) continue;
    list.addSubnet(formatAddress(cidr), cidr.prefixLength, cidr.version === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

export function containsAddress(list: BlockList, address: string): boolean {
  const version = isIP(address);
  return version !== 0 && list.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

/** A dual-stack socket reports its IPv4 peers as `::ffff:a.b.c.d`; lists speak of the IPv4 address. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
