import { describe, expect, it } from 'vitest';
import { requireAllowedAddress } from './allowed-address.ts';

const allowed = (allowIps: string[][] | undefined, address: string | null): boolean => {
  try {
    requireAllowedAddress(allowIps === undefined ? {} : { allowIps }, address);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'IP_NOT_ALLOWED' });
    return false;
  }
};

describe('the address of a caller', () => {
  it.each([
    ['without any list', undefined, '203.0.113.9', true],
    ['without a list, unknown', [], null, true],
    ['in the one list', [['203.0.113.0/24']], '203.0.113.9', true],
    ['as a dual-stack socket writes it', [['203.0.113.0/24']], '::ffff:203.0.113.9', true],
    ['in a list of version 6', [['2001:db8::/32']], '2001:db8::1', true],
    ['beside the list', [['203.0.113.0/24']], '198.51.100.1', false],
    ['in one list and not in another', [['203.0.113.0/24'], ['203.0.113.1']], '203.0.113.9', false],
    ['with a list that allows nobody', [[]], '203.0.113.9', false],
    ['that is not known', [['0.0.0.0/0']], null, false],
  ])('%s', (_name, lists, address, expected) => {
    expect(allowed(lists, address)).toBe(expected);
  });
});
