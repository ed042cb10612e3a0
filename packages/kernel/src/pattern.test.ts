import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bestMatch, matchesPattern } from './pattern.ts';

const alphabet = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 8 });
const patterns = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 8 });

function byRegularExpression(pattern: string, name: string): boolean {
  const source = pattern
    .split('*')
    .map((part) => part.replaceAll('.', String.raw`\.`))
    .join('.*');
  return new RegExp(`^${source}$`, 's').test(name);
}

describe('matchesPattern', () => {
  it('agrees with the regular expression that the pattern means', () => {
    fc.assert(
      fc.property(patterns, alphabet, (pattern, name) => {
        expect(matchesPattern(pattern, name)).toBe(byRegularExpression(pattern, name));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['gpt-4o', 'gpt-4o', true],
    ['gpt-4o', 'gpt-4o-mini', false],
    ['gpt-4o', 'GPT-4o', false],
    ['gpt-*', 'gpt-', true],
    ['*-mini', 'gpt-4o-mini', true],
    ['a*a', 'a', false],
    ['a*b*a', 'abba', true],
    ['*', '', true],
    ['', '', true],
    ['', 'x', false],
    ['gpt.4', 'gptx4', false],
  ])('%j and %j: %s', (pattern, name, expected) => {
    expect(matchesPattern(pattern, name)).toBe(expected);
  });

  it('answers at once for a pattern made to make matchers backtrack', () => {
    expect(matchesPattern(`${'a*'.repeat(200)}b`, 'a'.repeat(5_000))).toBe(false);
  });
});

describe('bestMatch', () => {
  const best = (entries: readonly string[], name: string) => bestMatch(entries, (entry) => entry, name);

  it('prefers the exact name to any pattern', () => {
    expect(best(['gpt-4o*', '*', 'gpt-4o'], 'gpt-4o')).toBe('gpt-4o');
  });

  it('prefers the longer literal part among patterns', () => {
    expect(best(['*', 'gpt-*', 'gpt-4*', '*o'], 'gpt-4o')).toBe('gpt-4*');
  });

  it('prefers the earlier entry among equals', () => {
    expect(
      bestMatch(
        [
          { p: 'a*', n: 1 },
          { p: '*a', n: 2 },
        ],
        (entry) => entry.p,
        'aa',
      )?.n,
    ).toBe(1);
    expect(
      bestMatch(
        [
          { p: 'aa', n: 1 },
          { p: 'aa', n: 2 },
        ],
        (entry) => entry.p,
        'aa',
      )?.n,
    ).toBe(1);
  });

  it('answers undefined when nothing matches', () => {
    expect(best(['gpt-*'], 'claude')).toBeUndefined();
    expect(best([], 'claude')).toBeUndefined();
  });
});
