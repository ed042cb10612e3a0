import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cidrContains, parseCidr, type Cidr } from './cidr.ts';

function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  if (!parsed) throw new Error(`not a network: ${text}`);
  return parsed;
}

describe('parseCidr', () => {
  it.each([
    '10.0.0.0/33',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3',
    '1.2.3.4/',
    '::1::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    'g::',
    '::/129',
    'a',
    '',
    '::ffff:10.0.0.1/95',
  ])('refuses %j', (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });

  it('reads every IPv4 address and IPv6 address', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV6(), (v4, v6) => {
        expect(cidr(v4)).toMatchObject({ version: 4, prefixLength: 32 });
        expect(parseCidr(v6)).toBeDefined();
      }),
    );
  });

  it('takes an IPv4 address in IPv6 clothing for what it is', () => {
    expect(cidr('::ffff:10.1.2.3')).toEqual(cidr('10.1.2.3'));
    expect(cidr('::ffff:a01:203')).toEqual(cidr('10.1.2.3'));
    expect(cidr('::ffff:10.0.0.0/104')).toEqual(cidr('10.0.0.0/8'));
  });

  it('drops the bits beyond the prefix', () => {
    expect(cidr('10.1.2.3/8')).toEqual(cidr('10.0.0.0/8'));
    expect(cidr('2001:DB8::1/32')).toEqual(cidr('2001:db8::/32'));
  });
});

describe('cidrContains', () => {
  it.each([
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.0.0.0/8', '10.1.0.0/16', true],
    ['10.1.0.0/16', '10.0.0.0/8', false],
    ['0.0.0.0/0', '8.8.8.8', true],
    ['0.0.0.0/0', '::1', false],
    ['::/0', '2001:db8::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['127.0.0.1', '::ffff:127.0.0.1', true],
  ])('%s contains %s: %s', (outer, inner, expected) => {
    expect(cidrContains(cidr(outer), cidr(inner))).toBe(expected);
  });

  it('holds for every address and each network around it', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 32 }), (address, prefix) => {
        expect(cidrContains(cidr(`${address}/${prefix}`), cidr(address))).toBe(true);
      }),
    );
  });
});
