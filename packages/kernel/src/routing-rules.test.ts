import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatRates, parseRates } from './rates.ts';
import { LEVEL_MAPPER, LEVEL_MAX, MODEL_FAILOVER, MODEL_MAPPER, SWITCH_OVER } from './routing-rules.ts';

const name = fc.stringMatching(/^[a-z][a-z0-9.:/-]{0,12}$/);
const pattern = fc.stringMatching(/^[a-z*][a-z0-9.*-]{0,12}$/);
const level = fc.nat({ max: LEVEL_MAX });

describe('rules read back as they were written', () => {
  it.each([
    ['Model Mapper', MODEL_MAPPER],
    ['model failover', MODEL_FAILOVER],
  ] as const)('%s', (_, list) => {
    const rules = fc.uniqueArray(fc.record({ pattern, target: name }), { selector: (rule) => rule.pattern });
    fc.assert(
      fc.property(rules, (given) => {
        expect(list.parse(list.format(given))).toEqual({ ok: true, value: given });
        expect(list.check(given)).toEqual({ ok: true, value: given });
      }),
    );
  });

  it('Level Mapper', () => {
    const rules = fc.uniqueArray(fc.record({ pattern, level }), { selector: (rule) => rule.pattern });
    fc.assert(
      fc.property(rules, (given) => {
        expect(LEVEL_MAPPER.parse(LEVEL_MAPPER.format(given))).toEqual({ ok: true, value: given });
      }),
    );
  });

  it('Switch Over', () => {
    const rule = fc.record({ from: level, to: level }).filter(({ from, to }) => from !== to);
    const rules = fc.uniqueArray(rule, { selector: ({ from }) => from });
    fc.assert(
      fc.property(rules, (given) => {
        expect(SWITCH_OVER.parse(SWITCH_OVER.format(given))).toEqual({ ok: true, value: given });
      }),
    );
  });

  it('Rates', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 1_000_000_000n }), (ppm) => {
        expect(parseRates(formatRates(ppm))).toBe(ppm);
      }),
    );
  });
});

describe('the text of rules', () => {
  it('is separated by commas, trimmed, with * anywhere in a pattern', () => {
    expect(MODEL_MAPPER.parse(' gpt-3.5*=gpt-4o-mini ,o* = gpt-4o, *-vision=gpt-4-vision-preview,')).toEqual({
      ok: true,
      value: [
        { pattern: 'gpt-3.5*', target: 'gpt-4o-mini' },
        { pattern: 'o*', target: 'gpt-4o' },
        { pattern: '*-vision', target: 'gpt-4-vision-preview' },
      ],
    });
    expect(LEVEL_MAPPER.parse('claude*=2')).toEqual({ ok: true, value: [{ pattern: 'claude*', level: 2 }] });
    expect(SWITCH_OVER.parse('1=2,2=3,3=1')).toHaveProperty('ok', true);
    expect(MODEL_MAPPER.parse('  ')).toEqual({ ok: true, value: [] });
  });

  it.each([
    [
      'a rule without a target',
      MODEL_MAPPER.parse('gpt-4'),
      /"gpt-4" is no rule of Model Mapper: write gpt-4=/,
    ],
    ['two targets', MODEL_MAPPER.parse('a=b=c'), /"a=b=c"/],
    ['an empty pattern', MODEL_MAPPER.parse('=b'), /"" is no model name/],
    ['an empty target', MODEL_FAILOVER.parse('a='), /"" is no model name/],
    ['a pattern as the target', MODEL_MAPPER.parse('a=b*'), /one model, without "\*"/],
    ['one pattern twice', MODEL_MAPPER.parse('a=b,a=c'), /names "a" twice/],
    ['a Level that is no number', LEVEL_MAPPER.parse('a=two'), /"a=two" is no rule of Level Mapper/],
    ['a negative Level', LEVEL_MAPPER.check([{ pattern: 'a', level: -1 }]), /0 to 9999, not -1/],
    ['a fraction as Level', SWITCH_OVER.check([{ from: 0.5, to: 1 }]), /not 0.5/],
    ['a Level that switches to itself', SWITCH_OVER.parse('1=1'), /Level 1 cannot switch over to itself/],
    ['a Level that switches twice', SWITCH_OVER.parse('1=2,1=3'), /names "1" twice/],
    [
      'too many rules',
      SWITCH_OVER.check(Array.from({ length: 201 }, (_, from) => ({ from, to: 999 }))),
      /at most 200/,
    ],
  ])('is refused with a sentence: %s', (_, result, sentence) => {
    expect(result).toEqual({ ok: false, error: expect.stringMatching(sentence) as unknown });
  });

  it('never fails to answer, whatever it is given', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const list of [MODEL_MAPPER, LEVEL_MAPPER, SWITCH_OVER]) list.parse(text);
      }),
    );
  });
});

it.each(['1.0000001', '-1', '1e3', '1001', '', '.5', '1.', 'x'])('%j is no Rates', (text) => {
  expect(parseRates(text)).toBeUndefined();
});
