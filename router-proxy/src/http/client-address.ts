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
    for (let index = hops.length - 1; index >= 0 && trusted.includes(address); index--) {
      const hop = plainAddress(withoutPort((hops[index] ?? '').trim()));
      if (isIP(hop) === 0) break;
      address = hop;
    }
    return address;
  };
}

/** A list of addresses and networks. */
export interface Networks {
  includes(address: string): boolean;
}

/** Addresses whose answer a list remembers: reading an address costs Node several microseconds. */
const REMEMBERED_MAX = 1_000;

/**
 * Entries that are no address and no network match nothing. A network of IPv6 holds no IPv4 address, as everywhere where
 * lists are compared, although Node would find one in it by its mapped form.
 */
export function networkList(entries: readonly string[]): Networks {
  const lists = { 4: new BlockList(), 6: new BlockList() };
  for (const cidr of entries.map(parseCidr)) {
    if (cidr) lists[cidr.version].addSubnet(formatAddress(cidr), cidr.prefixLength, familyOf(cidr.version));
  }
  const remembered = new Map<string, boolean>();
  return {
    includes(address) {
      const known = remembered.get(address);
      if (known !== undefined) return known;
      const written = isIP(address);
      // An address with a zone is none that a list could name, so it is read as what it is written as.
      const version = parseCidr(address)?.version ?? (written === 4 ? 4 : 6);
      const found = written !== 0 && lists[version].check(address, familyOf(written));
      if (remembered.size >= REMEMBERED_MAX) remembered.clear();
      remembered.set(address, found);
      return found;
    },
  };
}

function familyOf(version: number): 'ipv4' | 'ipv6' {
  return version === 4 ? 'ipv4' : 'ipv6';
}

/** Some balancers write the port as well: `1.2.3.4:5678`, and in brackets what has colons of its own. */
function withoutPort(hop: string): string {
  const [, inBrackets, beforePort] = /^(?:\[(.*)\](?::\d+)?|([^:]*):\d+)$/.exec(hop) ?? [];
  return inBrackets ?? beforePort ?? hop;
}

/** A dual-stack socket reports its IPv4 peers as `::ffff:a.b.c.d`; lists speak of the IPv4 address. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
