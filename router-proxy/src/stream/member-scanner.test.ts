import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMemberScanner } from './member-scanner.ts';

function scan(text: string, cuts: readonly number[]) {
  const bytes = Buffer.from(text);
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  const scanner = createMemberScanner(['usage', 'duration'], 'data');
  [0, ...places].forEach((from, index) => scanner.push(bytes.subarray(from, places[index] ?? bytes.length)));
  return scanner;
}

const cuts = fc.array(fc.nat({ max: 2_000 }), { maxLength: 30 });
const values = fc.jsonValue({ maxDepth: 3 });

describe('the member scanner', () => {
  it('finds what JSON.parse finds at the top of any object, however it is cut and printed', () => {
    const objects = fc.record({
      before: fc.dictionary(fc.string(), values, { maxKeys: 3 }),
      usage: values,
      data: fc.array(fc.oneof(fc.dictionary(fc.string(), values, { maxKeys: 2 }), values), { maxLength: 5 }),
      duration: values,
      after: fc.record({ usage: values, data: fc.array(fc.constant({})) }),
    });
    fc.assert(
      fc.property(
        objects,
        cuts,
        fc.constantFrom(0, 2),
        ({ before, usage, data, duration, after }, places, space) => {
          const object = { ...before, usage, data, nested: after, duration };
          const scanner = scan(JSON.stringify(object, null, space), places);
          const plain = JSON.parse(JSON.stringify(object)) as typeof object;
          expect(scanner.value('usage')).toEqual(plain.usage);
          expect(scanner.value('duration')).toEqual(plain.duration);
          const isObject = (item: unknown): boolean =>
            typeof item === 'object' && item !== null && !Array.isArray(item);
          expect(scanner.objects).toBe(plain.data.filter(isObject).length);
        },
      ),
    );
  });

  it('survives bytes that are no JSON at all', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'{}[]":,\\u ab') }), cuts, (text, places) => {
        scan(text, places).value('usage');
      }),
    );
  });

  it('keeps no member that is longer than a usage can be', () => {
    const scanner = scan(JSON.stringify({ usage: 'x'.repeat(70_000), duration: 7 }), [10, 50_000]);
    expect([scanner.value('usage'), scanner.value('duration')]).toEqual([undefined, 7]);
  });

  it('takes the last of several, as JSON.parse does', () => {
    expect(scan('{"usage":1,"usage":{"a":2}}', []).value('usage')).toEqual({ a: 2 });
  });
});
