import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeId,
  encodeId,
  ID_PREFIXES,
  isUuid,
  newUuid,
  parseUuid,
  uuidTimeMs,
  type IdKind,
} from './ids.ts';

const kinds = fc.constantFrom(...(Object.keys(ID_PREFIXES) as IdKind[]));
const uuids = fc.uuid().map(parseUuid);

describe('newUuid', () => {
  it('carries version 7, the RFC variant and the instant it was given', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), (nowMs) => {
        const id = newUuid(nowMs);
        expect(isUuid(id)).toBe(true);
        expect(id.charAt(14)).toBe('7');
        expect('89ab').toContain(id.charAt(19));
        expect(uuidTimeMs(id)).toBe(nowMs);
      }),
    );
  });

  it('sorts ids of one millisecond in the order of minting', () => {
    const minted = Array.from({ length: 2_000 }, () => newUuid(1_700_000_000_000));
    expect(minted.toSorted()).toEqual(minted);
  });

  it('stays unique when more ids are minted in a millisecond than its counter orders', () => {
    const minted = Array.from({ length: 20_000 }, () => newUuid(1_700_000_000_001));
    expect(new Set(minted).size).toBe(minted.length);
    expect(minted.every(isUuid)).toBe(true);
  });

  it('accepts a fractional instant', () => {
    expect(uuidTimeMs(newUuid(1_700_000_000_000.75))).toBe(1_700_000_000_000);
  });
});

describe('public ids', () => {
  it('decode to what was encoded', () => {
    fc.assert(
      fc.property(kinds, uuids, (kind, id) => {
        expect(decodeId(kind, encodeId(kind, id))).toBe(id);
      }),
    );
  });

  it('keep the order of time', () => {
    expect(encodeId('request', newUuid(1_000)) < encodeId('request', newUuid(2_000))).toBe(true);
  });

  it('of another kind are refused', () => {
    fc.assert(
      fc.property(kinds, kinds, uuids, (kind, other, id) => {
        fc.pre(kind !== other);
        expect(decodeId(other, encodeId(kind, id))).toBeUndefined();
      }),
    );
  });

  it.each([
    '',
    'org_',
    'org_0',
    'org_ilou0000000000000000000000',
    'org_zzzzzzzzzzzzzzzzzzzzzzzzzz',
    'ORG_00000000000000000000000000',
  ])('refuse %j', (text) => {
    expect(decodeId('organization', text)).toBeUndefined();
  });

  it('never decode arbitrary text to something that encodes differently', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (text) => {
        const id = decodeId('budget', `bud_${text}`);
        if (id !== undefined) expect(encodeId('budget', id)).toBe(`bud_${text}`);
      }),
    );
  });
});

describe('parseUuid', () => {
  it('accepts upper case and answers lower case', () => {
    expect(parseUuid('0190A1B2-C3D4-7E5F-8A9B-0C1D2E3F4A5B')).toBe('0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b');
  });

  it('refuses anything else without repeating more than 64 characters of it', () => {
    expect(() => parseUuid('x'.repeat(500))).toThrow(/^not a UUID: x{64}$/);
  });
});
