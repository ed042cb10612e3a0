import { CIDR_BITS, type Cidr } from './cidr.ts';

/** Networks by where they begin: which of them contains another one is found without a look at each. */
export class CidrSet {
  readonly #starts = { 4: new Map<number, Set<bigint>>(), 6: new Map<number, Set<bigint>>() };

  constructor(networks: readonly Cidr[]) {
    for (const { version, network, prefixLength } of networks) {
      const known = this.#starts[version].get(prefixLength) ?? new Set();
      this.#starts[version].set(prefixLength, known.add(startOf(version, network, prefixLength)));
    }
  }

  /** Whether one of them contains all of it. */
  contains(inner: Cidr): boolean {
    return this.#contains(inner, inner.prefixLength);
  }

  /** Whether one that is larger contains all of it. */
  containsBeyondItself(inner: Cidr): boolean {
    return this.#contains(inner, inner.prefixLength - 1);
  }

  #contains({ version, network }: Cidr, longest: number): boolean {
    for (const [prefixLength, starts] of this.#starts[version]) {
      if (prefixLength <= longest && starts.has(startOf(version, network, prefixLength))) return true;
    }
    return false;
  }
}

function startOf(version: 4 | 6, network: bigint, prefixLength: number): bigint {
  return network >> BigInt(CIDR_BITS[version] - prefixLength);
}
