import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bestMatch } from '@weir/kernel/pattern';
import type { AccessSettings, BindingNode } from './access-change.ts';
import { UNRESTRICTED } from './access-lists.ts';
import { absorbAccess, isUnrestricted, narrowAccess, problemsBelow } from './narrow-access.ts';

const limit = fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined });
const limits = fc
  .record({ requestsPerMinute: limit, tokensPerDay: limit })
  .map(({ requestsPerMinute, tokensPerDay }) => ({
    ...(requestsPerMinute !== undefined && { requestsPerMinute }),
    ...(tokensPerDay !== undefined && { tokensPerDay }),
  }));
const list = (...entries: string[]) =>
  fc.option(fc.uniqueArray(fc.constantFrom(...entries), { maxLength: 3 }));
const settings: fc.Arbitrary<AccessSettings> = fc.record({
  access: fc.record({
    allowIps: list('10.0.0.0/8', '10.1.0.0/16', '10.1.0.1', '::1'),
    allowModels: list('gpt-*', 'gpt-4o', '*-mini', 'o1'),
    resources: list('/v1', '/v1/chat/completions', '/v2'),
    allowLevels: list('1', '2', '3'),
  }),
  limits,
  modelLimits: fc.uniqueArray(
    fc.record({ pattern: fc.constantFrom('gpt-*', 'gpt-4o', '*', '*-mini'), limits }),
    {
      selector: ({ pattern }) => pattern,
      maxLength: 3,
    },
  ),
});
const nodeOf =
  (title: string) =>
  (own: AccessSettings): BindingNode => ({ title, ...own });
const bounds = fc.array(settings.map(nodeOf('above')), { maxLength: 3 });

/** How much of a model a node alone lets through. */
function effective(node: AccessSettings, model: string, name: 'requestsPerMinute' | 'tokensPerDay'): number {
  const ofModel = bestMatch(node.modelLimits, ({ pattern }) => pattern, model)?.limits ?? {};
  return Math.min(node.limits[name] ?? Infinity, ofModel[name] ?? Infinity);
}

function absorbedBy(own: AccessSettings, bound: BindingNode): AccessSettings {
  const absorbed = absorbAccess(own, bound);
  if (!absorbed) throw new Error('it has more limits of models than a node may have');
  return absorbed;
}

describe('what is left of a node', () => {
  it('lies within everything above it, and is what it was where that fits', () => {
    fc.assert(
      fc.property(settings, bounds, (own, above) => {
        const narrowed = narrowAccess(own, above);
        expect(problemsBelow(narrowed, above)).toEqual([]);
        if (problemsBelow(own, above).length === 0) expect(narrowed).toEqual(own);
      }),
    );
  });

  it('allows no more after it has absorbed a node than both allowed together', () => {
    fc.assert(
      fc.property(settings, settings, (own, other) => {
        const bound = nodeOf('gone')(other);
        const absorbed = absorbedBy(own, bound);
        for (const node of [own, other]) {
          const above = [{ title: 'before', access: node.access, limits: node.limits, modelLimits: [] }];
          expect(problemsBelow({ ...absorbed, modelLimits: [] }, above)).toEqual([]);
        }
        for (const model of ['gpt-4o', 'gpt-5', 'gpt-4o-mini', 'o1-mini', 'o1']) {
          for (const name of ['requestsPerMinute', 'tokensPerDay'] as const) {
            const both = Math.min(effective(own, model, name), effective(other, model, name));
            expect(effective(absorbed, model, name)).toBe(both);
          }
        }
      }),
    );
  });

  it('is no wider where patterns intersect in more ways than can be listed', () => {
    const crossing = (a: string, b: string) =>
      Array.from({ length: 60 }, (_, place) => `*${a}${String(place)}*${b}${String(place)}*`);
    const blank = { access: UNRESTRICTED, limits: {}, modelLimits: [] };
    const bound = (allowModels: readonly string[]) => ({
      ...blank,
      title: 'above',
      access: { ...UNRESTRICTED, allowModels },
    });
    const own = ['gpt-4o', ...crossing('a', 'b')];
    const above = ['gpt-*', ...crossing('c', 'd')];
    const narrowed = narrowAccess(bound(own), [bound(above)]);
    expect(problemsBelow(narrowed, [bound(own), bound(above)])).toEqual([]);
    expect(narrowed.access.allowModels).toContain('gpt-4o');
  });

  it('absorbs what it said nothing about', () => {
    const blank = { access: UNRESTRICTED, limits: {}, modelLimits: [] };
    const own = { ...blank, limits: { concurrency: 2 } };
    const bound = {
      title: 'gone',
      ...blank,
      access: { ...UNRESTRICTED, allowModels: ['o1'] },
      limits: { concurrency: 5 },
    };
    expect(absorbAccess(own, bound)).toEqual({ ...bound, title: undefined, limits: { concurrency: 2 } });
    expect([isUnrestricted(blank), isUnrestricted(own), isUnrestricted(bound)]).toEqual([true, false, false]);
  });
});
