import { isIP } from 'node:net';

/** What browsers bind passkeys to. */
export interface RelyingParty {
  /** A domain name. */
  readonly id: string;
  readonly name: string;
  readonly origin: string;
}

/** @param publicUrl Where browsers reach the platform. Undefined for an address without a name, which browsers refuse. */
export function relyingPartyOf(publicUrl: string): RelyingParty | undefined {
  const { hostname, origin } = new URL(publicUrl);
  const isAddress = isIP(hostname.replace(/^\[(.*)\]$/, '$1')) !== 0;
  return isAddress ? undefined : { id: hostname, name: 'Weir', origin };
}
