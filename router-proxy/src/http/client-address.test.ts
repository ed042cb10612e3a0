import { expect, it } from 'vitest';
import { networkList } from './client-address.ts';

it.each([
  ['::ffff:a00:0/104', '10.1.2.3', true],
  ['::ffff:10.0.0.0/104', '10.1.2.3', true],
  ['10.0.0.7/8', '10.1.2.3', true],
  ['0.0.0.0/0', '10.1.2.3', true],
  ['10.1.2.3', '10.1.2.4', false],
  ['2001:db8::/32', '2001:db8:1::1', true],
  ['2001:db8::1', '2001:db8::2', false],
  ['10.0.0.0/8', '::ffff:10.1.2.3', true],
  ['::ffff:0:0/96', '10.1.2.3', true],
  ['::/0', '2001:db8::1', true],
  ['::/0', '10.1.2.3', false],
  ['::/0', '::ffff:10.1.2.3', false],
  ['0.0.0.0/0', '2001:db8::1', false],
  ['fe80::/10', 'fe80::1%eth0', true],
  ['::/0', 'nonsense', false],
])('a list with %s, however it is written, contains %s: %s', (entry, address, expected) => {
  expect(networkList([entry]).includes(address)).toBe(expected);
});
