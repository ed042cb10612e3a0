import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCidr, type Cidr } from '@weir/kernel/cidr';
import { createOutboundGuard, type ResolveHost } from './outbound-guard.ts';

const network = (text: string): Cidr => {
  const parsed = parseCidr(text);
  if (!parsed) throw new Error(`not a network: ${text}`);
  return parsed;
};

/** Names and what they resolve to; any other does not resolve. */
const resolving =
  (names: Readonly<Record<string, readonly string[]>>): ResolveHost =>
  (hostname, answer) => {
    const addresses = names[hostname];
    if (!addresses) answer(Object.assign(new Error('no such host'), { code: 'ENOTFOUND' }), []);
    else answer(null, addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))); // prettier-ignore
  };

const names = {
  'api.example.com': ['93.184.216.34', '2606:2800:21f:cb07::1'],
  'inside.example.com': ['10.0.0.7'],
  'both.example.com': ['93.184.216.34', '127.0.0.1'],
  localhost: ['127.0.0.1', '::1'],
};
const strict = createOutboundGuard({ privateNetworks: [], resolve: resolving(names) });
const listing = createOutboundGuard({
  privateNetworks: ['127.0.0.0/8', '::1', '10.0.0.0/16'].map(network),
  resolve: resolving(names),
});

describe('a base URL', () => {
  it.each([
    'https://api.example.com/v1',
    'https://api.example.com:8443',
    'https://93.184.216.34/v1',
    'https://[2606:2800:21f:cb07::1]/v1',
    'https://does-not-resolve-now.example.com/v1',
  ])('may be %s', async (url) => {
    expect((await strict.check(url)).ok).toBe(true);
  });

  it.each([
    ['http://api.example.com/v1', /https/],
    ['http://does-not-resolve-now.example.com/v1', /https/],
    ['ftp://api.example.com', /https/],
    ['file:///etc/passwd', /https/],
    ['https://user@api.example.com', /password/],
    ['https://user:secret@api.example.com', /password/],
    ['https://api.example.com/v1#part', /fragment/],
    ['https://api.example.com/v1?key=x', /query/],
    ['https://api.example.com/v1?', /query/],
    ['https://', /must be a URL/],
    ['api.example.com', /must be a URL/],
    ['https://inside.example.com', /public/],
    ['https://both.example.com', /public/],
    ['https://localhost:8080', /public/],
  ])('may not be %s', async (url, sentence) => {
    const result = await strict.check(url);
    expect(result.ok ? undefined : result.error).toMatch(sentence);
  });

  it.each([
    // The spellings of one IPv4 address that URLs know.
    'https://127.0.0.1',
    'https://127.1',
    'https://2130706433',
    'https://0x7f000001',
    'https://0x7f.0.0.1',
    'https://0177.0.0.1',
    'https://017700000001',
    'https://127.0.0.1.',
    'https://①②⑦.0.0.1',
    'https://%31%32%37.0.0.1',
    'https://0',
    // And of IPv6.
    'https://[::1]',
    'https://[0:0:0:0:0:0:0:1]',
    'https://[::ffff:127.0.0.1]',
    'https://[::ffff:7f00:1]',
    'https://[::127.0.0.1]',
    'https://[::]',
  ])('does not lead to this machine as %s', async (url) => {
    expect((await strict.check(url)).ok).toBe(false);
    expect((await strict.check(url.replace('https', 'http'))).ok).toBe(false);
  });

  it('may lead to networks that the operator lists, without TLS, too', async () => {
    const allowed = [
      'http://127.0.0.1:9',
      'http://[::1]:9',
      'http://localhost',
      'https://inside.example.com',
    ];
    for (const url of allowed) expect((await listing.check(url)).ok).toBe(true);
    const refused = [
      'http://10.1.0.1',
      'https://192.168.0.1',
      'http://both.example.com',
      'http://93.184.216.34',
    ];
    for (const url of refused) expect((await listing.check(url)).ok).toBe(false);
  });
});

const PRIVATE = [
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24',
  '192.168.0.0/16', '198.18.0.0/15', '224.0.0.0/4', '240.0.0.0/4',
]; // prettier-ignore

/** Any address of one of the networks, as a number. */
const privateV4 = fc
  .tuple(fc.constantFrom(...PRIVATE), fc.integer({ min: 0, max: 2 ** 32 - 1 }))
  .map(([text, random]) => {
    const { network: base, prefixLength } = network(text);
    return Number(base) + (random % 2 ** (32 - prefixLength));
  });

const dotted = (value: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
const groups = (value: number): string =>
  `${Math.floor(value / 65_536).toString(16)}:${(value % 65_536).toString(16)}`;

describe('a private address', () => {
  it('is refused in every spelling, also within an IPv6 address', async () => {
    await fc.assert(
      fc.asyncProperty(privateV4, async (value) => {
        const [first = 0, ...rest] = dotted(value).split('.').map(Number);
        const spellings = [
          dotted(value),
          String(value),
          `0x${value.toString(16)}`,
          `0${value.toString(8)}`,
          `0x${first.toString(16)}.${rest.join('.')}`,
          `0${first.toString(8)}.${rest.join('.')}`,
          `[::ffff:${dotted(value)}]`,
          `[::ffff:${groups(value)}]`,
          `[::${groups(value)}]`,
          `[64:ff9b::${groups(value)}]`,
          `[64:ff9b:1::${groups(value)}]`,
          `[2002:${groups(value)}::1]`,
          `[2001:0:${groups(value)}::1]`,
        ];
        for (const host of spellings) {
          expect([host, (await strict.check(`https://${host}/v1`)).ok]).toEqual([host, false]);
        }
      }),
    );
  });

  it.each([
    '169.254.169.254',
    'fd00:ec2::254',
    '168.63.129.16',
    'fe80::1',
    'fe80::1%eth0',
    'fc00::1',
    'fec0::1',
    'ff02::1',
    '100::1',
    '2001:db8::1',
    '3fff::1',
    '5f00::1',
    '::ffff:0:10.0.0.1',
    '255.255.255.255',
    'not an address',
  ])('such as %s is refused at the connection, whatever name led there', (address) => {
    const guard = createOutboundGuard({
      privateNetworks: [],
      resolve: resolving({ 'name.example.com': [address] }),
    });
    let refusal: unknown;
    guard.lookup(true)('name.example.com', { all: true }, (error) => (refusal = error));
    expect(refusal).toMatchObject({ code: 'OUTBOUND_ADDRESS_REFUSED' });
  });

  it('is left out where public ones remain, and a public one is called with TLS alone', () => {
    let found: unknown;
    strict.lookup(true)('both.example.com', { all: true }, (_, addresses) => (found = addresses));
    expect(found).toEqual([{ address: '93.184.216.34', family: 4 }]);
    strict.lookup(true)('both.example.com', {}, (_, address) => (found = address));
    expect(found).toBe('93.184.216.34');
    strict.lookup(false)('api.example.com', {}, (error) => (found = error));
    expect(found).toMatchObject({ code: 'OUTBOUND_ADDRESS_REFUSED' });
  });

  it('inside NAT64 or 6to4 is what counts, so public ones pass', async () => {
    expect((await strict.check('https://[64:ff9b::5db8:d822]')).ok).toBe(true);
    expect((await strict.check('https://[2002:5db8:d822::1]')).ok).toBe(true);
  });
});
