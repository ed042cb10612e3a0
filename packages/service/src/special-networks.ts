import { cidrContains, parseCidr, type Cidr } from '@weir/kernel/cidr';

/** Networks of addresses that nobody on the internet has, after IANA's registries of special-purpose addresses. */
const NOT_PUBLIC = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  // Link-local, and where clouds answer with the credentials of the machine that asks.
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  // Multicast, reserved and broadcast.
  '224.0.0.0/3',
  // Public by its number, but Azure's own service to each of its machines.
  '168.63.129.16/32',
  // Protocol assignments, Teredo and benchmarking among them; documentation.
  '2001::/23',
  '2001:db8::/32',
  '3fff::/20',
].map(network);

/** Of IPv6 only this is given to anybody: loopback, local, multicast and unspecified addresses all lie outside. */
const GLOBAL_UNICAST = network('2000::/3');

/** Addresses that lead to the IPv4 address within them: its network, and how many bits follow that address. */
const EMBEDDING = [
  { within: network('64:ff9b::/96'), bitsAfter: 0n },
  { within: network('2002::/16'), bitsAfter: 80n },
];

/** Whether an address (a network of one) belongs to somebody on the internet. */
export function isPublicAddress(address: Cidr): boolean {
  const embedded = EMBEDDING.find(({ within }) => cidrContains(within, address));
  if (embedded) {
    const inner = (address.network >> embedded.bitsAfter) & 0xffff_ffffn;
    return isPublicAddress({ version: 4, network: inner, prefixLength: 32 });
  }
  if (address.version === 6 && !cidrContains(GLOBAL_UNICAST, address)) return false;
  return !NOT_PUBLIC.some((special) => cidrContains(special, address));
}

function network(text: string): Cidr {
  const parsed = parseCidr(text);
  if (!parsed) throw new Error(`not a network: ${text}`);
  return parsed;
}
