import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collisionsOf, problemsOfModel, problemsOfName } from './model-rules.ts';

const codes = (problems: readonly { readonly code: string; readonly field: readonly string[] | null }[]) =>
  problems.map(({ code, field }) => [code, field?.[0]]);

describe('a model', () => {
  it.each(['gpt-4o', 'claude-3.5-sonnet@20240620', 'publishers/google/models/gemini', 'Ω'])(
    'may be %j',
    (name) => {
      expect(problemsOfName(name)).toEqual([]);
    },
  );

  it.each(['', 'two words', 'gpt-*', 'a=b', 'a,b', 'tab\t', 'x'.repeat(257)])('may not be %j', (name) => {
    expect(codes(problemsOfName(name))).toEqual([['INVALID_NAME', 'name']]);
  });

  it('is told everything that it breaks at once', () => {
    const settings = {
      aliases: ['same', 'same'],
      snapshots: ['*'],
      contextTokens: 0,
      maxOutputTokens: -1,
      minTier: -1,
      environments: [],
    };
    expect(codes(problemsOfModel(settings))).toEqual([
      ['INVALID_NAME', 'aliases'],
      ['INVALID_NAME', 'snapshots'],
      ['INVALID_TOKENS', 'contextTokens'],
      ['INVALID_TOKENS', 'maxOutputTokens'],
      ['INVALID_TIER', 'minTier'],
      ['INVALID_ENVIRONMENTS', 'environments'],
    ]);
    expect(problemsOfModel({ maxOutputTokens: 0 })).toEqual([]);
  });
});

describe('names', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd');
  const model = fc.record({ name, aliases: fc.uniqueArray(name), snapshots: fc.uniqueArray(name) });

  it('collide exactly when a request could mean two models', () => {
    fc.assert(
      fc.property(model, fc.array(model), (one, others) => {
        const mine = new Set([one.name, ...one.aliases, ...one.snapshots]);
        const theirs = others.filter((other) => other.name !== one.name);
        const means = theirs.flatMap((other) => [other.name, ...other.aliases, ...other.snapshots]);
        expect(collisionsOf(one, others).length > 0).toBe(means.some((text) => mine.has(text)));
      }),
    );
  });
});
