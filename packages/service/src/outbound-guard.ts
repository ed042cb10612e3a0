import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { cidrContains, parseCidr, type Cidr } from '@weir/kernel/cidr';
import { err, ok, type Result } from '@weir/kernel/result';
import { isPublicAddress } from './special-networks.ts';

/** Every address of a name, as the system's resolver answers. */
export type ResolveHost = (
  hostname: string,
  answer: (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void,
) => void;

export interface OutboundGuardOptions {
  /** Networks of the operator's own that may be called, without TLS, too. */
  readonly privateNetworks: readonly Cidr[];
  readonly resolve?: ResolveHost;
}

/**
 * Keeps addresses that customers write (a provider's base URL) from leading into the operator's network. What a name
 * resolves to is checked at each connection, which then goes to the very address that was checked, so that a name
 * whose answer changes gains nothing.
 */
export interface OutboundGuard {
  /**
   * Whether a URL may be written down as a base address; the error is a sentence for whoever wrote it. A name that does
   * not resolve at this moment may: every connection asks again.
   */
  check(text: string): Promise<Result<URL, string>>;
  /** Why a connection to this host may not be made; undefined for a name, and for an address that may be called. */
  refusal(hostname: string, isSecure: boolean): OutboundAddressError | undefined;
  /** For `net.connect`: only addresses that may be called, or an OutboundAddressError when none is left. */
  lookup(isSecure: boolean): LookupFunction;
}

/** The operator reads the message; customers are only told that the provider cannot be reached. */
export class OutboundAddressError extends Error {
  readonly code = 'OUTBOUND_ADDRESS_REFUSED';

  constructor(hostname: string) {
    super(
      `${hostname} leads to an address that is not public (or not to be called without TLS); list its network in WEIR_PRIVATE_PROVIDERS to allow it`,
    );
    this.name = 'OutboundAddressError';
  }
}

export function createOutboundGuard({
  privateNetworks,
  resolve = resolveBySystem,
}: OutboundGuardOptions): OutboundGuard {
  function mayCall(address: string, isSecure: boolean): boolean {
    const parsed = parseCidr(address);
    if (!parsed) return false;
    return (
      privateNetworks.some((listed) => cidrContains(listed, parsed)) || (isSecure && isPublicAddress(parsed))
    );
  }

  /** Null where the name does not resolve. */
  function addressesOf(hostname: string): Promise<readonly string[] | null> {
    if (isIP(hostname) !== 0) return Promise.resolve([hostname]);
    return new Promise((done) => {
      resolve(hostname, (error, addresses) => {
        done(error ? null : addresses.map(({ address }) => address));
      });
    });
  }

  return {
    async check(text) {
      const parsed = parseBaseUrl(text);
      if (!parsed.ok) return parsed;
      const isSecure = parsed.value.protocol === 'https:';
      const addresses = await addressesOf(hostnameOf(parsed.value));
      if (!isSecure && !addresses?.every((address) => mayCall(address, false))) return err(NEEDS_HTTPS);
      if (addresses?.some((address) => !mayCall(address, isSecure))) return err(NOT_PUBLIC);
      return parsed;
    },

    refusal: (hostname, isSecure) =>
      isIP(hostname) !== 0 && !mayCall(hostname, isSecure) ? new OutboundAddressError(hostname) : undefined,

    lookup: (isSecure) => (hostname, options, callback) => {
      resolve(hostname, (error, addresses) => {
        if (error) {
          callback(error, '');
          return;
        }
        const allowed = addresses.filter(({ address }) => mayCall(address, isSecure));
        const [first] = allowed;
        if (!first) callback(new OutboundAddressError(hostname), '');
        else if (options.all === true) callback(null, allowed);
        else callback(null, first.address, first.family);
      });
    },
  };
}

const NEEDS_HTTPS = 'The base URL must begin with https://.';
const NOT_PUBLIC =
  'The base URL must lead to a public address. The operator of this platform can allow networks of their own.';

/** Base URLs are joined with paths, so they carry nothing behind theirs; a credential has its own place. */
function parseBaseUrl(text: string): Result<URL, string> {
  if (!URL.canParse(text)) return err('The base URL must be a URL such as https://api.example.com/v1.');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return err(NEEDS_HTTPS);
  if (url.username !== '' || url.password !== '') {
    return err('The base URL must not hold a user name or password; the secret has a field of its own.');
  }
  if (url.search !== '' || url.hash !== '' || text.includes('#') || text.includes('?')) {
    return err('The base URL must end with its path, without a query or a fragment.');
  }
  return ok(url);
}

/** IPv6 addresses stand in brackets in a URL and nowhere else. */
function hostnameOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

const resolveBySystem: ResolveHost = (hostname, answer) => {
  systemLookup(hostname, { all: true }, answer);
};
