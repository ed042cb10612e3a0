import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditMetadata, changesOf } from './audit-metadata.ts';

describe('auditMetadata', () => {
  it('writes a value in one way, whatever the order of its members', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (metadata) => {
        const reversed = Object.fromEntries(Object.entries(metadata).reverse());
        expect(auditMetadata(reversed)).toBe(auditMetadata(metadata));
      }),
    );
  });

  it('is JSON that Postgres takes, whatever it is given', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.anything()), (metadata) => {
        const text = auditMetadata(metadata);
        expect(typeof JSON.parse(text)).toBe('object');
        expect(text).not.toContain('\\u0000');
        expect(text.length).toBeLessThanOrEqual(20_000);
      }),
    );
  });

  it('writes no number that two languages would format differently', () => {
    const values = { rate: 0.1, large: 2 ** 60, exact: 7n, whole: -3, none: Number.NaN };
    expect(auditMetadata(values)).toBe(
      '{"exact":"7","large":"1152921504606847000","none":"NaN","rate":"0.1","whole":-3}',
    );
  });

  it('leaves secrets out by their name and by their look', () => {
    const text = auditMetadata({
      password: 'correct horse',
      change: { signingSecret: 'abc', access_token: 'def', hasSigningSecret: true, contextTokens: 8 },
      note: `it is sk-Xvs${'a'.repeat(45)} now`,
    });
    expect(JSON.parse(text)).toEqual({
      password: '[redacted]',
      change: {
        signingSecret: '[redacted]',
        access_token: '[redacted]',
        hasSigningSecret: true,
        contextTokens: 8,
      },
      note: 'it is sk-Xvsa[redacted] now',
    });
  });

  it('stays small: long texts are cut, and of too much only the names are kept', () => {
    expect(auditMetadata({ note: 'x'.repeat(10_000) }).length).toBeLessThan(300);
    const much = Object.fromEntries(
      Array.from({ length: 100 }, (_, n) => [`m${String(n)}`, 'x'.repeat(200)]),
    );
    expect(JSON.parse(auditMetadata(much))).toMatchObject({ shortened: true });
  });
});

describe('changesOf', () => {
  it('tells the members that have another value', () => {
    const before = { name: 'One', level: 1, limits: { rpm: 5 }, at: new Date(0) };
    const after = { name: 'One', level: 2, limits: { rpm: 6 }, at: new Date(0) };
    expect(changesOf(before, after, ['name', 'level', 'limits', 'at'])).toEqual({
      level: { from: 1, to: 2 },
      limits: { from: { rpm: 5 }, to: { rpm: 6 } },
    });
  });
});
