/** IP addresses and networks, v4 and v6, as numbers: what access lists consist of. */
export interface Cidr {
  readonly version: 4 | 6;
  /** The network's address; bits beyond the prefix are zero. */
  readonly network: bigint;
  /** 0 to 32, or 0 to 128. */
  readonly prefixLength: number;
}

export const CIDR_BITS = { 4: 32, 6: 128 } as const;
/** IPv6 addresses that carry an IPv4 address (`::ffff:a.b.c.d`), as a dual-stack socket reports its v4 peers. */
const MAPPED_V4 = 0xffffn;

/** Undefined unless the text is an address or `address/prefix`; an address alone is a network of one. */
export function parseCidr(text: string): Cidr | undefined {
  const match = /^([0-9a-f:.]{2,45})(?:\/(\d{1,3}))?$/i.exec(text);
  if (!match) return undefined;
  const address = parseAddress(match[1] ?? '');
  if (!address) return undefined;
  const bits = CIDR_BITS[address.version];
  const given = match[2] === undefined ? undefined : Number(match[2]);
  // `::ffff:10.0.0.0/104` counts the 96 bits that the v4 form does not have.
  const prefixLength = given === undefined ? bits : address.wasMapped ? given - 96 : given;
  if (prefixLength < 0 || prefixLength > bits) return undefined;
  const hostBits = BigInt(bits - prefixLength);
  return { version: address.version, network: (address.value >> hostBits) << hostBits, prefixLength };
}

/** Whether every address of `inner` is one of `outer`. */
export function cidrContains(outer: Cidr, inner: Cidr): boolean {
  if (outer.version !== inner.version || outer.prefixLength > inner.prefixLength) return false;
  const hostBits = BigInt(CIDR_BITS[outer.version] - outer.prefixLength);
  return outer.network >> hostBits === inner.network >> hostBits;
}

/** The two networks that a network consists of; none for a single address. */
export function halvesOf({ version, network, prefixLength }: Cidr): readonly Cidr[] {
  if (prefixLength === CIDR_BITS[version]) return [];
  const half = prefixLength + 1;
  return [
    { version, network, prefixLength: half },
    { version, network: network | (1n << BigInt(CIDR_BITS[version] - half)), prefixLength: half },
  ];
}

/** An IPv4 address in dots, an IPv6 address as eight groups; what follows a `/` is left to `prefixLength`. */
export function formatAddress({ version, network }: Cidr): string {
  const [count, bits, radix, separator] =
    version === 4 ? ([4, 8n, 10, '.'] as const) : ([8, 16n, 16, ':'] as const);
  const mask = (1n << bits) - 1n;
  const groups = Array.from({ length: count }, (_, index) =>
    ((network >> (bits * BigInt(count - 1 - index))) & mask).toString(radix),
  );
  return groups.join(separator);
}

interface Address {
  readonly version: 4 | 6;
  readonly value: bigint;
  readonly wasMapped: boolean;
}

function parseAddress(text: string): Address | undefined {
  if (!text.includes(':')) {
    const value = parseV4(text);
    return value === undefined ? undefined : { version: 4, value, wasMapped: false };
  }
  const value = parseV6(text);
  if (value === undefined) return undefined;
  const isMapped = value >> 32n === MAPPED_V4;
  return isMapped
    ? { version: 4, value: value & 0xffffffffn, wasMapped: true }
    : { version: 6, value, wasMapped: false };
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    // A leading zero means octal to some readers and decimal to others, so it is refused.
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

function parseV6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? '');
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? '') : [];
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => 0n), ...tail];
  return groups.reduce((value, group) => (value << 16n) | group, 0n);
}

function parseGroups(text: string): readonly bigint[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: bigint[] = [];
  for (const [index, part] of parts.entries()) {
    if (part.includes('.') && index === parts.length - 1) {
      const v4 = parseV4(part);
      if (v4 === undefined) return undefined;
      groups.push(v4 >> 16n, v4 & 0xffffn);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(part)) return undefined;
      groups.push(BigInt(`0x${part}`));
    }
  }
  return groups;
}
